package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// Each scenario runs small: what it shows of throughput means nothing then.
func TestScenariosShowEveryVariantWithoutErrorsOfItsOwn(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			const rounds = 2
			c, err := s.compare(t.Context(), rounds, 50*time.Millisecond)
			for range 4 { // of few requests, bare net/http's may all have been luckier
				if err != nil || len(foreignToBare(c)) == 0 {
					break
				}
				t.Logf("once more: %q", foreignToBare(c))
				c, err = s.compare(t.Context(), rounds, 50*time.Millisecond)
			}
			if missing, ok := errors.AsType[*child.MissingError](err); ok {
				t.Skipf("SKIPPED: %v", missing)
			}
			if err != nil {
				t.Fatal(err)
			}
			checkRows(t, c, rounds)
			for _, text := range foreignToBare(c) {
				t.Error(text)
			}

			var out strings.Builder
			newTable(&out).write(c)
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if len(lines) != 1+len(c.rows) {
				t.Fatalf("%d lines, want the headings and %d rows:\n%s", len(lines), len(c.rows), &out)
			}
			for i, r := range c.rows {
				for _, want := range []string{s.name + " ", r.variant + " ", fmt.Sprint(" ", r.requests, " "), fmt.Sprint(" ", r.opened, " "), "errors "} {
					if !strings.Contains(lines[1+i], want) {
						t.Errorf("no %q in %q", want, lines[1+i])
					}
				}
			}
		})
	}
}

// foreignToBare are the errors of the kit's that bare net/http never has.
func foreignToBare(c *comparison) (all []string) {
	for _, r := range c.rows {
		if !r.kit {
			continue
		}
		for _, class := range c.foreign(r) {
			all = append(all, fmt.Sprintf("%s: %d times %q, which bare net/http never has", r.variant, r.errors[class], class))
		}
	}
	return all
}

func checkRows(t *testing.T, c *comparison, rounds int) {
	t.Helper()
	if len(c.rows) != 4 {
		t.Fatalf("%d rows, want 4", len(c.rows))
	}
	for _, r := range c.rows {
		if want := c.row(bare).requests; r.requests != want || r.requests == 0 {
			t.Errorf("%s: %d requests, want %d as bare has", r.variant, r.requests, want)
		}
		if len(r.rps) != rounds || c.speed(r) <= 0 {
			t.Errorf("%s: requests/s of the rounds %v, want %d of them", r.variant, r.rps, rounds)
		}
		if p50, p99 := percentile(r.took, 50), percentile(r.took, 99); p50 <= 0 || p99 < p50 {
			t.Errorf("%s: p50 %v, p99 %v", r.variant, p50, p99)
		}
		if r.opened < 1 {
			t.Errorf("%s: no connection counted", r.variant)
		}
		if !r.kit {
			continue
		}
		if r.counted != r.opened {
			t.Errorf("%s: the pool counts %d connections, the dialer %d", r.variant, r.counted, r.opened)
		}
		if len(r.reasons) == 0 {
			t.Errorf("%s: no reason for a new connection", r.variant)
		}
	}
}

func TestScenarioWithoutItsServerIsSkippedAloud(t *testing.T) {
	o := &options{rounds: 1, slice: time.Millisecond, check: true, scenarios: []scenario{{
		name: "nowhere",
		start: func(context.Context, *child.Keys) (*child.Server, error) {
			_, err := child.Find("no-such-server", "there is none")
			return nil, err
		},
	}}}
	var out strings.Builder
	if code := o.measure(t.Context(), &out); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if want := "SKIPPED nowhere: there is no no-such-server on this machine"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in:\n%s", want, &out)
	}
}

func TestScenarioThatCanNotBeMeasuredFails(t *testing.T) {
	o := &options{rounds: 1, slice: time.Millisecond, scenarios: []scenario{{
		name:  "broken",
		start: func(context.Context, *child.Keys) (*child.Server, error) { return nil, errors.New("no luck") },
	}}}
	var out strings.Builder
	if code := o.measure(t.Context(), &out); code != 1 || !strings.Contains(out.String(), "FAILED broken: no luck") {
		t.Errorf("exit code %d, want 1, and the failure in:\n%s", code, &out)
	}
}

func TestServerThatEndsAtOnceIsAnErrorWithItsWords(t *testing.T) {
	_, err := nginx{tls: true}.start(t.Context(), &child.Keys{Dir: t.TempDir(), Cert: "/no/such/file", Key: "/no/such/file"})
	if _, missing := errors.AsType[*child.MissingError](err); missing {
		t.Skipf("SKIPPED: %v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "/no/such/file") {
		t.Errorf("start = %v, want an error that names the certificate", err)
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-slice", "-1s"}, {"-scenario", "("}, {"-scenario", "nothing like it"}, {"rest"}} {
		if code := run(t.Context(), args, io.Discard, io.Discard); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
	}
}
