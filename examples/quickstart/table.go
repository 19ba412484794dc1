package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

const headings = "\tvariant\tproto\trequests\tconns\treused\tsockets client/server\tRST\tgoroutines\tfds\tp50\tp99\treq/s\tresult"

// writeTable prints the rows and, below them, what their numbers need said.
func writeTable(w io.Writer, rows []*row, footnotes []string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, headings)
	for _, r := range rows {
		result := "ok"
		if !r.OK {
			result = "FAIL: " + r.Fail
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%.1f %%\t%s\t%s\t%d\t%s\t%s\t%s\t%.0f\t%s\n",
			r.Incident, r.Variant, protocol(r.TLS), r.Requests, r.Connections, r.ReusedPct, r.Sockets,
			orDash(r.RSTs), r.Goroutines, orDash(r.Descriptors), latency(r.P50), latency(r.P99), r.RPS, result)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\n"+strings.Join(append(notes(rows), footnotes...), "\n"))
	return err
}

// notes are the rows' own. Rows that say the same share a line.
func notes(rows []*row) []string {
	type key struct{ incident, variant, note string }
	var (
		order  []key
		protos = make(map[key][]string)
	)
	for _, r := range rows {
		if r.Note == "" {
			continue
		}
		k := key{r.Incident, r.Variant, r.Note}
		if protos[k] == nil {
			order = append(order, k)
		}
		protos[k] = append(protos[k], protocol(r.TLS))
	}
	lines := make([]string, len(order))
	for i, k := range order {
		lines[i] = fmt.Sprintf("%s %s (%s): %s.", k.incident, k.variant, strings.Join(protos[k], ", "), k.note)
	}
	return lines
}

// footnotes say how the table came about.
func footnotes(ownServers bool) []string {
	lines := []string{
		"est ESTABLISHED, tw TIME_WAIT, cw CLOSE_WAIT; client's sockets / server's, of the row's own port, at the end of its load.",
		"Goroutines and descriptors count both ends. RST is the whole network namespace's count.",
		"The rows after pay for the kit's tracing too: one recorded OpenTelemetry span for each request.",
	}
	if !ownServers {
		lines = []string{
			"est ESTABLISHED, tw TIME_WAIT, cw CLOSE_WAIT; client's sockets / server's (if it is on this machine), at the end of the row's load.",
			"Connections are counted by the client's dialer here. RST is the whole network namespace's count.",
			lines[2],
		}
	}
	return lines
}

func orDash[T int | int64](n *T) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

// latency shows microseconds with three digits that mean something.
func latency(us float64) string {
	d := time.Duration(us * 1e3)
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0fms", us/1e3)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1fms", us/1e3)
	}
	return fmt.Sprintf("%.0fµs", us)
}

func writeJSON(w io.Writer, rows []*row) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(rows)
}

// platform names the Go that the numbers are from: net/http differs by version.
func platform() string {
	return fmt.Sprintf("%s %s/%s, GOMAXPROCS %d", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0))
}
