// Command quickstart shows the five faults of HTTP clients that this module is
// about: each with plain net/http (before) and with the kit's layers on the
// same client (after), against servers that it starts itself on loopback, over
// HTTP and over TLS. It prints one table and, below it, for each fault the span
// that names its cause.
//
//	go run ./examples/quickstart
//
// With -spans it prints those spans alone, all of them and in words.
//
// It takes some seconds, never more than twenty, and exits with 1 if a row does
// not show what it should.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/warmconn/warmconn/internal/progress"
)

// budget is the time for everything. Rows that do not fit in it fail, so that
// the program ends within 20 seconds whatever it meets.
const budget = 18 * time.Second

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), budget)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	cancel()
	os.Exit(code)
}

// run is the program; it returns its exit code: 1 if a row or a story does not
// show what it should or leaves something behind, 2 for wrong flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	if o.spans {
		return exitCode(!o.tellAll(ctx, stdout))
	}
	p := progress.New(stderr)
	floor := standing()
	failed := false
	var rows []*row
	for _, inc := range o.chosen {
		for _, tls := range o.protocols() {
			for _, variant := range []string{before, after} {
				r := o.bench(ctx, p, inc, variant, tls)
				if left := floor.exceeded(ctx); left != "" {
					r.fail("left behind: " + left)
					floor = standing()
				}
				failed = failed || !r.OK
				rows = append(rows, r)
			}
		}
	}
	if o.json {
		p.Done()
		if err := writeJSON(stdout, rows); err != nil {
			fmt.Fprintln(stderr, "quickstart:", err)
			return 1
		}
		return exitCode(failed)
	}

	var stories []*story
	if o.url == nil {
		for _, inc := range o.chosen {
			p.Show("%s: the span that tells it", inc.id)
			s := inc.tell(ctx)
			if left := floor.exceeded(ctx); left != "" {
				s.err = errors.Join(s.err, errors.New("left behind: "+left))
				floor = standing()
			}
			failed = failed || s.err != nil
			stories = append(stories, s)
		}
	}
	p.Done()
	fmt.Fprintf(stdout, "warmconn quickstart on %s\n\n", platform())
	if err := writeTable(stdout, rows, footnotes(o.url == nil)); err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return 1
	}
	for _, s := range stories {
		s.write(stdout)
	}
	return exitCode(failed)
}

// tellAll prints the stories of the incidents with all of their spans, and
// reports whether each shows what it should.
func (o *options) tellAll(ctx context.Context, stdout io.Writer) bool {
	ok := true
	for i, inc := range o.chosen {
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		s := inc.tell(ctx)
		fmt.Fprintf(stdout, "%s\n  %s\n", s.title, s.setup)
		err := errors.Join(s.err, prose{stdout, s.all}.ExportSpans(ctx, s.all))
		for _, line := range s.lines {
			fmt.Fprintf(stdout, "  %s\n", line)
		}
		if err != nil {
			fmt.Fprintf(stdout, "  FAIL: %v\n", err)
			ok = false
		}
	}
	return ok
}

func exitCode(failed bool) int {
	if failed {
		return 1
	}
	return 0
}

func (o *options) bench(ctx context.Context, p *progress.Line, inc *incident, variant string, tls bool) *row {
	var t *target
	if o.url != nil {
		t = userServer(o.url)
	} else {
		t = ownServer(inc.handler(), tls)
	}
	n, c := inc.n, inc.c
	if o.n > 0 {
		n = o.n
	}
	if o.c > 0 {
		c = o.c
	}
	p.Show("%s %s, %s %s: %d requests", inc.id, inc.title, variant, protocol(tls), n)
	return bench(ctx, inc, variant, t, n, c)
}

func protocol(tls bool) string {
	if tls {
		return "tls"
	}
	return "http"
}
