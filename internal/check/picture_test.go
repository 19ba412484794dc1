package check

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// README's picture is drawn from the quickstart's output in docs/incidents.md, so that
// they can't differ.
func TestPictureShowsTheQuickstartsOutput(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(root, "docs", "incidents.md"))
	if err != nil {
		t.Fatal(err)
	}
	bars, version, err := readBars(string(doc))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "docs", "incidents.svg")
	want := drawBars(bars, version)
	if *updateDocs {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("docs/incidents.svg is not of the output in docs/incidents.md (error %v): go test ./internal/check -update-docs", err)
	}
}

func TestPictureFollowsTheOutput(t *testing.T) {
	const row = "%s  %s   http   %d       %d   0.0 %%   est %d/1  0  1\n"
	out := func(i1after int) string {
		var b strings.Builder
		b.WriteString("warmconn quickstart on go1.99.9 linux/amd64, GOMAXPROCS 2\n")
		for i := 1; i <= 4; i++ {
			fmt.Fprintf(&b, row, fmt.Sprint("I", i), "before", 100, 100, 100)
			fmt.Fprintf(&b, row, fmt.Sprint("I", i), "after ", 100, i1after, 0)
		}
		return b.String()
	}
	bars, version, err := readBars(out(7))
	if err != nil || version != "go1.99.9" || len(bars) != 4 || bars[0].after != 7 || bars[3].after != 0 {
		t.Fatalf("bars %+v of %s, error %v", bars, version, err)
	}
	other, _, _ := readBars(out(8))
	if drawBars(bars, version) == drawBars(other, version) {
		t.Error("another output has the same picture")
	}
	if _, _, err := readBars(strings.Replace(out(7), "I3", "I9", 1)); err == nil {
		t.Error("no error though a row is missing")
	}
}

type bar struct {
	title, what             string
	before, after, requests float64
}

var (
	outputVersion = regexp.MustCompile(`warmconn quickstart on (go[0-9.]+)`)
	outputRow     = regexp.MustCompile(`(?m)^(I[1-5]) +(before|after) +http +(\d+) +(\d+) +[0-9.]+ % +(.*)$`)
	established   = regexp.MustCompile(`^est (\d+)/`)
)

// readBars reads the rows over plain http. Of I4 it is what was left open that counts: the
// number of connections is the program's own. I5 has nothing to show: it asks for no reuse.
func readBars(doc string) ([]bar, string, error) {
	version := outputVersion.FindStringSubmatch(doc)
	if version == nil {
		return nil, "", fmt.Errorf("no output of the quickstart")
	}
	bars := []bar{
		{title: "bodies closed unread", what: "for %.0f requests"},
		{title: "bodies never closed", what: "for %.0f requests"},
		{title: "an idle pool of two", what: "for %.0f requests"},
		{title: "a transport for each request", what: "left open after %.0f requests"},
	}
	seen := make(map[string]bool)
	for _, m := range outputRow.FindAllStringSubmatch(doc, -1) {
		i := int(m[1][1] - '1')
		if i >= len(bars) || seen[m[1]+m[2]] { // the second one is of another Go
			continue
		}
		seen[m[1]+m[2]] = true
		n := m[4]
		if i == 3 {
			n = "0"
			if open := established.FindStringSubmatch(m[5]); open != nil {
				n = open[1]
			}
		}
		v, _ := strconv.ParseFloat(n, 64)
		bars[i].requests, _ = strconv.ParseFloat(m[3], 64)
		if m[2] == "before" {
			bars[i].before = v
		} else {
			bars[i].after = v
		}
	}
	if len(seen) != 2*len(bars) {
		return nil, "", fmt.Errorf("%d rows, want a before and an after of I1 to I4", len(seen))
	}
	return bars, version[1], nil
}

const pictureStyle = `
text { fill: #24292f; font: 13px "DejaVu Sans", Verdana, sans-serif; }
.title { font-size: 15px; font-weight: bold; }
.note { font-size: 12px; fill: #57606a; }
.back { fill: #ffffff; }
.before { fill: #d55e00; }
.after { fill: #0072b2; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .note { fill: #9ea7b3; }
  .back { fill: #0d1117; }
  .before { fill: #ff7b2e; }
  .after { fill: #56b4e9; }
}
`

func drawBars(bars []bar, version string) string {
	const left, full, step = 230, 270, 48
	var b strings.Builder
	height := 60 + step*len(bars) + 24
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 780 %d" width="780" height="%d" role="img">`+"\n", height, height)
	fmt.Fprintf(&b, "<title>Connections that requests needed, without and with warmconn</title>\n<style>%s</style>\n", pictureStyle)
	fmt.Fprintf(&b, `<rect class="back" width="780" height="%d"/>`+"\n", height)
	fmt.Fprintf(&b, `<text class="title" x="16" y="28">Connections that requests needed</text>`+"\n")
	for i, kind := range []string{"before", "after"} {
		x := left + 140 + 150*i
		fmt.Fprintf(&b, `<rect class="%s" x="%d" y="17" width="12" height="12"/><text x="%d" y="28">%s</text>`+"\n",
			kind, x, x+18, []string{"net/http", "with the kit"}[i])
	}
	for i, x := range bars {
		y := 50 + step*i
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-12, y+14, html.EscapeString(x.title))
		for j, v := range []float64{x.before, x.after} {
			width := max(full*v/x.requests, 1)
			label := fmt.Sprintf("%.0f", v)
			if j == 0 {
				label = fmt.Sprintf("%.0f "+x.what, v, x.requests)
			}
			kind := []string{"before", "after"}[j]
			fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="16"/>`, kind, left, y+18*j, width)
			fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s</text>`+"\n", left+width+6, y+18*j+13, label)
		}
	}
	fmt.Fprintf(&b, `<text class="note" x="16" y="%d">go run ./examples/quickstart, plain http, %s, loopback</text>`+"\n</svg>\n",
		height-12, version)
	return b.String()
}
