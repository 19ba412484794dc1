// Command proof runs real servers on loopback in the situations that cost
// connections, sends requests by bare net/http and by the kit in turns, and
// compares what both have seen with the server's own log.
//
//	go run ./proof [-requests 2000] [-run REGEXP]
//
// It exits with 1 if a rule is broken: a class of errors or a status that bare
// net/http does not have; a connection or its reuse of which the server's log
// says something else; a reason that the situation can't have, or unknown for
// more than one new connection in a thousand. A server that is not installed is
// skipped, and said to be.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// servers are all of them.
var servers = []*software{&nginx, &apache, &haproxy, &node, &squid, &squidConnect, &lighttpd, &varnish, &tomcat}

// run is the program; it returns its exit code: 2 for wrong flags.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fs := flag.NewFlagSet("proof", flag.ContinueOnError)
	fs.SetOutput(stderr)
	n := fs.Int("requests", 2000, "how many requests each client sends in each situation")
	twice := fs.Bool("twice", false, "a row that breaks a rule is run once more, and counts if it does so again: for a machine that does other things")
	only := fs.String("run", "", "only the rows whose name, server/situation, matches this `regexp`")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	pattern, err := regexp.Compile(*only)
	if err != nil || *n < 1 || fs.NArg() > 0 {
		fmt.Fprintln(stderr, "proof: -run wants a regexp, -requests a positive number, and there are no arguments:", err)
		return 2
	}
	return prove(ctx, servers, pattern, *n, *twice, stdout)
}

// prove prints what each row shows, and returns 1 if a rule is broken.
func prove(ctx context.Context, servers []*software, pattern *regexp.Regexp, n int, twice bool, stdout io.Writer) (code int) {
	fmt.Fprintf(stdout, "%s %s/%s, GOMAXPROCS %d; %d requests by each client in each row\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), n)
	all := total{programs: make(map[string]bool), rows: make(map[string]bool)}
	for _, s := range servers {
		for _, name := range s.situations {
			row := s.name + "/" + name
			if !pattern.MatchString(row) || ctx.Err() != nil {
				continue
			}
			broken, err := s.row(ctx, name, n, stdout, &all)
			if _, missing := errors.AsType[*child.MissingError](err); twice && !missing && (err != nil || len(broken) > 0) {
				fmt.Fprintf(stdout, "  a second time: %s: %s %.500v\n", row, strings.Join(broken, "; "), err)
				broken, err = s.row(ctx, name, n, stdout, &all)
			}
			if missing, ok := errors.AsType[*child.MissingError](err); ok {
				fmt.Fprintf(stdout, "SKIPPED %s: %v\n", s.name, missing)
				break
			}
			if err != nil {
				fmt.Fprintf(stdout, "FAILED %s: %.1000s\n", row, err.Error())
				code = 1
			}
			for _, text := range broken {
				fmt.Fprintf(stdout, "BROKEN %s: %s\n", row, text)
				code = 1
			}
		}
	}
	if code == 0 && len(all.rows) > 0 {
		all.print(stdout)
	}
	return code
}

// tries is how often a row is run whose only fault is an error that bare net/http
// did not have: of few requests few fail, and it is by chance whose.
const tries = 5

// row runs the row, prints it, and returns the rules that are broken.
func (s *software) row(ctx context.Context, name string, n int, stdout io.Writer, all *total) (broken []string, err error) {
	met := classes{bare: make(map[string]bool), kit: make(map[string]int)}
	for range tries {
		start := time.Now()
		v, err := s.prove(ctx, name, n)
		if err != nil {
			return nil, err
		}
		v.print(stdout, time.Since(start))
		all.add(v)
		all.programs[s.program] = true
		met.add(v)
		foreign, others := met.foreign(), v.broken()
		broken = append(foreign, others...)
		if len(foreign) == 0 || len(others) > 0 {
			break
		}
		fmt.Fprintf(stdout, "  once more: %s\n", strings.Join(foreign, "; "))
	}
	return broken, nil
}
