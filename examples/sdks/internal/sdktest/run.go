package sdktest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn/examples/sdks/internal/page"
	"github.com/warmconn/warmconn/internal/eventually"
)

// SDK is one way of wiring an SDK.
type SDK struct {
	// Answer is what the service says when all is well.
	Answer http.HandlerFunc
	// Refuse is what it says otherwise, in its own form of an error; nil is the status and a text.
	Refuse func(w http.ResponseWriter, r *http.Request, status int)
	// Client makes the SDK's client, by e.Kit.
	Client func(t testing.TB, e *Env) Ops
	// Spans is what is special about its spans.
	Spans Spans
	// Alike makes outcomes the same that differ for a reason which the row tells.
	Alike *strings.Replacer
	// Unix serves on a unix socket. There is no TLS then.
	Unix bool
	// NoHTTP2 leaves HTTP/2 out.
	NoHTTP2 bool
	// Outside says that the kit stands over a middleware of somebody else's, where it can't
	// choose connections, and warns of that.
	Outside bool
	// OutsideOverTLS says that it does so over TLS.
	OutsideOverTLS bool
	// DropsCanceled says that the SDK drops the body of a response that comes just when its
	// call is canceled, as one of the plan's may.
	DropsCanceled bool
}

func (s *SDK) refuse(w http.ResponseWriter, r *http.Request, status int) {
	if s.Refuse != nil {
		s.Refuse(w, r, status)
		return
	}
	http.Error(w, http.StatusText(status), status)
}

// Run runs the plan with both clients over each protocol. The test's own comment has
// the row of docs/sdks.md, which says how much reuse there must be.
func Run(t *testing.T, sdk SDK) {
	row := page.RowOf(t, ".", t.Name())
	run(t, &sdk, plain, none{}, true) // what SDKs start once, and keep
	protocols := []protocol{plain, tlsHTTP1, tlsHTTP2}
	if sdk.Unix {
		protocols = protocols[:1]
	} else if sdk.NoHTTP2 {
		protocols = protocols[:2]
	}
	line := fmt.Sprintf("sdk %-36s %-12s reuse bare/kit:", row.SDK, row.Version)
	for i, proto := range protocols {
		t.Run(string(proto), func(t *testing.T) {
			var bare, with result
			var differ []string
			// Of a cancel, either side's error may come first, and how many dials a burst begins for
			// nothing is chance, too.
			for try := 0; try == 0 || try < 3 && len(differ) > 0; try++ {
				for _, text := range differ {
					t.Logf("once more: %s", text)
				}
				bare, with = run(t, &sdk, proto, none{}, false), run(t, &sdk, proto, nil, false)
				differ = differences(bare, with, cmp.Or(sdk.Alike, strings.NewReplacer()))
				if proto != tlsHTTP2 && with.reuse() < bare.reuse()-1 {
					differ = append(differ, fmt.Sprintf("reuse is %.1f %%, with bare net/http %.1f %%", with.reuse(), bare.reuse()))
				}
			}
			for _, text := range differ {
				t.Error(text)
			}
			line += fmt.Sprintf("  %s %.1f/%.1f %%", proto, bare.reuse(), with.reuse())
			t.Logf("%d requests, %d bare; %d connections, %d bare: %v", with.requests, bare.requests, with.conns, bare.conns, with.reasons)
			floor := 99.5 // a connection or a few, in any case
			if proto != tlsHTTP2 {
				floor = float64(row.Reuse[i])
			}
			if with.reuse() < floor {
				t.Errorf("reuse is %.1f %%, and the row promises %v %%", with.reuse(), floor)
			}
		})
	}
	fmt.Println(line)
}

// result is what became of one run.
type result struct {
	outcomes        []string
	requests, conns int
	reasons         map[string]int // why connections were new, as the kit says
}

func (r result) reuse() float64 { return 100 * (1 - float64(r.conns)/float64(r.requests)) }

func differences(bare, with result, alike *strings.Replacer) (all []string) {
	if len(bare.outcomes) != len(with.outcomes) {
		return []string{fmt.Sprintf("%d outcomes, with bare net/http %d", len(with.outcomes), len(bare.outcomes))}
	}
	for i, want := range bare.outcomes {
		if got := with.outcomes[i]; alike.Replace(got) != alike.Replace(want) {
			all = append(all, fmt.Sprintf("with bare net/http: %s\nwith the kit:       %s", want, got))
		}
	}
	return all
}

// run runs the plan against a server of its own. A nil k is the kit.
func run(t *testing.T, sdk *SDK, proto protocol, k Kit, once bool) result {
	t.Helper()
	before := standing(t)
	s := &service{sdk: sdk, seen: make(map[string]int), begun: make(chan struct{}, 1000)}
	var unix string
	if sdk.Unix {
		dir, err := os.MkdirTemp("", "sdk") // a socket's path is short
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		unix = filepath.Join(dir, "s")
	}
	srv := s.start(t, proto, unix)
	spans := new(recorder)
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	var all *kit
	if k == nil {
		all = newKit(tp, sdk.Spans.Annotate)
		k = all
	}
	e := newEnv(srv, proto, unix, k, tp)
	r := &runner{ops: sdk.Client(t, e), service: s, caller: tp.Tracer(caller)}
	if once {
		r.call(Call{Name: "once", Do: func(ctx context.Context) (string, error) {
			if r.ops.Get == nil {
				return "", nil
			}
			return r.ops.Get(ctx, "sc-ok")
		}})
	} else {
		r.plan()
	}
	if all != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		if err := all.Shutdown(ctx); err != nil {
			t.Errorf("shutting the kit down: %v", err)
		}
		cancel()
		eventually.True(t, "all spans to end", spans.allEnded)
		for i, wrong := range sdk.Spans.check(spans, s.requests()) {
			if i == 10 {
				t.Error("and so on")
				break
			}
			t.Error(wrong)
		}
		leaks, warnings := all.found()
		for i, leak := range leaks {
			if sdk.DropsCanceled && i == 0 {
				t.Logf("the SDK has dropped a body: %+v", leak)
				continue
			}
			t.Errorf("a body was never closed: %+v", leak)
		}
		if !sdk.Outside && !(sdk.OutsideOverTLS && proto != plain) {
			for _, w := range warnings {
				t.Errorf("the kit warns: %+v", w)
			}
		} else if len(warnings) == 0 {
			t.Error("the kit does not warn of what it stands over")
		}
	}
	eventually.True(t, fmt.Sprintf("the server's connections to end (kit: %v)", all != nil), func() bool {
		// Again and again: what ends in the background, as the stream of a watch that was
		// stopped, is not idle at once.
		if r.ops.Close != nil {
			r.ops.Close()
		}
		e.Base.CloseIdleConnections()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		return srv.Open() == 0
	})
	out := result{r.outcomes, len(s.requests()), srv.Opened(), spans.reasons()}
	srv.Close()
	// A dial of net/http's that no request needed any more may have ended after that.
	before.restored(t, e.Base.CloseIdleConnections)
	return out
}

// floor is what was there before a run.
type floor struct{ goroutines, descriptors int }

func standing(t testing.TB) floor {
	return floor{runtime.NumGoroutine(), descriptors(t)}
}

// restored waits until all is as it was. It calls settle again and again.
func (f floor) restored(t testing.TB, settle func()) {
	t.Helper()
	var now floor
	deadline := time.Now().Add(5 * time.Second)
	for pause := time.Millisecond; ; pause *= 2 {
		settle()
		now = standing(t)
		if now.goroutines <= f.goroutines && now.descriptors <= f.descriptors {
			return
		}
		if time.Now().After(deadline) {
			break
		}
		time.Sleep(pause)
	}
	stacks := make([]byte, 64<<10)
	stacks = stacks[:runtime.Stack(stacks, true)]
	t.Errorf("%d goroutines and %d descriptors are left, of %d and %d before:\n%s", now.goroutines, now.descriptors, f.goroutines, f.descriptors, stacks)
}

// descriptors is how many are open, or 0 where the system doesn't tell.
func descriptors(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
