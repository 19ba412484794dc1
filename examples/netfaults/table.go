package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

const (
	before = "before" // plain net/http
	after  = "after"  // the same transport with pool
)

// row is one line of the table.
type row struct {
	fault, variant string
	proto          string
	requests       int
	failed         int
	conns          int    // that the servers have accepted
	shows          string // what else there is to see
	skipped        string // why there is nothing
	wrong          string // what it should have shown
}

// check notes what is wrong if ok is false.
func (r *row) check(ok bool, format string, args ...any) {
	if !ok && r.wrong == "" {
		r.wrong = fmt.Sprintf(format, args...)
	}
}

// footnotes say how the table came about.
var footnotes = []string{
	"the server's idle limit: 16 clients, each of a server that closes connections after 250 ms of idleness, 20 ms away; POSTs without GetBody, at gaps up to 500 ms.",
	"  The failures of each client's first eight requests are not counted: meanwhile the pool learns the limit. Of the others two may fail. If more do,",
	"  those count for which the machine's timers were late by 3 ms at most, in all; where these are fewer than half, the row is SKIPPED.",
	"a path that died: the kernel drops what comes for the connections that are there, and new ones pass, as behind a NAT that has forgotten them. Deadlines of 300 ms,",
	"  or of twice the time after which the kernel sends again; one request after the other until one succeeds, 20 at most.",
	"a name that moved: the name has another address, and the old server goes on. Requests of the second that begins half a second later. Options.Resolve is 50 ms.",
	"three backends, one connection: behind a balancer that gives each connection to the next one; 60 workers, 20 ms for a request. The rounds in which connections are made do not count. Options.MinHTTP2Conns is 3.",
	"100 first requests: all at once, 20 ms away, to a host that no request was sent to before. Where a machine is so busy that the first answer takes half a second, all may dial.",
}

func writeTable(w io.Writer, rows []*row) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "fault\tvariant\tproto\trequests\tfailed\tconns\tshows\tresult")
	for _, r := range rows {
		result := "ok"
		if r.wrong != "" {
			result = "FAIL: " + r.wrong
		}
		if r.skipped != "" {
			fmt.Fprintf(tw, "%s\t%s\t%s\t-\t-\t-\t-\tSKIPPED: %s\n", r.fault, r.variant, r.proto, r.skipped)
			continue
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", r.fault, r.variant, r.proto, r.requests, r.failed, r.conns, r.shows, result)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\n"+strings.Join(footnotes, "\n"))
	return err
}
