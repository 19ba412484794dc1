package main

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// One situation of each server, small.
func TestRulesHoldAgainstEachServer(t *testing.T) {
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			var out strings.Builder
			one := *s
			one.situations = s.situations[:1]
			if strings.HasPrefix(one.situations[0], "timeout") {
				one.situations = []string{"close"}
			}
			code := prove(t.Context(), []*software{&one}, regexp.MustCompile(""), 200, true, &out)
			if strings.Contains(out.String(), "\nSKIPPED") {
				t.Skip(out.String())
			}
			if code != 0 || !strings.Contains(out.String(), s.name+"/"+one.situations[0]) || !strings.Contains(out.String(), "proof: 1 situations of 1 servers") {
				t.Errorf("exit code %d:\n%s", code, &out)
			}
		})
	}
}

func TestServerThatIsMissingIsSkippedAloud(t *testing.T) {
	var out strings.Builder
	none := &software{name: "nowhere", program: "no-such-server", debian: "nothing", situations: []string{"close", "413"}}
	if code := prove(t.Context(), []*software{none}, regexp.MustCompile(""), 1, true, &out); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if got := strings.Count(out.String(), "SKIPPED nowhere: there is no no-such-server on this machine"); got != 1 {
		t.Errorf("said to be skipped %d times, want once:\n%s", got, &out)
	}
}

func TestServerThatDoesNotStartFails(t *testing.T) {
	var out strings.Builder
	broken := &software{name: "broken", program: "go", situations: []string{"close"}, start: func(context.Context, string, *conf) (*running, error) {
		return nil, errors.New("no luck")
	}}
	if code := prove(t.Context(), []*software{broken}, regexp.MustCompile(""), 1, true, &out); code != 1 || !strings.Contains(out.String(), "FAILED broken/close: no luck") {
		t.Errorf("exit code %d, want 1, and the failure in:\n%s", code, &out)
	}
}

// A log that another program writes to: the rules are broken, and the program says so.
func TestBrokenRuleIsTheExitCode(t *testing.T) {
	if _, err := child.Find(nginx.program, ""); err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	forged := nginx
	forged.situations = []string{"close"}
	forged.start = func(ctx context.Context, program string, c *conf) (*running, error) {
		r, err := startNginx(ctx, program, c)
		if err == nil {
			r.logs = []string{c.path("nginx.conf")} // which has no request
		}
		return r, err
	}
	var out strings.Builder
	if code := prove(t.Context(), []*software{&forged}, regexp.MustCompile(""), 20, true, &out); code != 1 || !strings.Contains(out.String(), "BROKEN nginx/close: kit: the log has not 20 requests") {
		t.Errorf("exit code %d, want 1, and the rule in:\n%s", code, &out)
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{{"-requests", "0"}, {"-run", "("}, {"rest"}, {"-no"}} {
		if code := run(t.Context(), args, io.Discard, io.Discard); code != 2 {
			t.Errorf("%q: exit code %d, want 2", args, code)
		}
	}
}
