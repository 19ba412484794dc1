package warmconn_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/faultlist"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// faultsAtOnce is how many plays of a fault go on at once: most of a play is waiting.
const faultsAtOnce = 16

// faultKit are the layers that a stack of the fault list is made of, and what tells that
// they have ended.
type faultKit struct {
	kit   *warmconn.Kit
	spans *tracetest.SpanRecorder
	ends  atomic.Int64
}

func newFaultKit(o trace.Options) *faultKit {
	k := &faultKit{spans: tracetest.NewSpanRecorder()}
	o.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(k.spans))
	k.kit = warmconn.New(warmconn.Options{Trace: o})
	return k
}

// over puts layers over base, below an observer. Owned says that pool is one of them, and
// base a transport.
func (k *faultKit) over(owned bool, base http.RoundTripper, mw ...roundtripper.Middleware) faultlist.Layers {
	observe := roundtripper.Observe(roundtripper.Observer{End: func(context.Context, roundtripper.Exchange) { k.ends.Add(1) }})
	return faultlist.Layers{
		RoundTripper: roundtripper.Wrap(base, append([]roundtripper.Middleware{observe}, mw...)...),
		Owned:        owned,
		Left:         func(exchanges int) string { return k.left(owned, exchanges) },
		End:          func() { k.kit.Shutdown(context.Background()) },
	}
}

func (k *faultKit) left(owned bool, exchanges int) (text string) {
	if n := k.ends.Load(); n != int64(exchanges) {
		text += fmt.Sprintf("%d ends of %d exchanges; ", n, exchanges)
	}
	if s := k.kit.Stats(); s.InUse != 0 || s.Waiting != 0 || owned && s.Open != 0 {
		text += fmt.Sprintf("the pool has %d slots in use, %d requests waiting, %d connections; ", s.InUse, s.Waiting, s.Open)
	}
	if started, ended := len(k.spans.Started()), len(k.spans.Ended()); started != ended {
		text += fmt.Sprintf("%d spans of %d have ended; ", ended, started)
	}
	return text
}

var (
	plainSpans = trace.Options{}
	allSpans   = trace.Options{Phases: trace.PhaseSpans, ConnectionSpans: true, PhaseHeaders: true}
)

func preset(name string, o trace.Options) faultlist.Stack {
	return faultlist.Stack{Name: name, Over: func(base *http.Transport) faultlist.Layers {
		k := newFaultKit(o)
		return k.over(true, base, k.kit.Middleware)
	}}
}

// faultStacks are the preset, outside of somebody else's middleware, too, and the layers one
// by one and in every order.
func faultStacks() []faultlist.Stack {
	stacks := []faultlist.Stack{preset("preset", plainSpans), preset("preset, all spans", allSpans), {Name: "preset, outside", Over: func(base *http.Transport) faultlist.Layers {
		k := newFaultKit(allSpans)
		return k.over(false, passing{base}, k.kit.Middleware)
	}}}
	for _, order := range []string{
		"", "trace", "drain", "pool", "trace drain", "drain trace", "trace pool", "pool trace", "drain pool", "pool drain",
		"trace drain pool", "trace pool drain", "drain trace pool", "drain pool trace", "pool trace drain", "pool drain trace",
	} {
		stacks = append(stacks, faultlist.Stack{Name: "observe " + order, Over: func(base *http.Transport) faultlist.Layers {
			k := newFaultKit(plainSpans)
			var mw []roundtripper.Middleware
			for _, name := range strings.Fields(order) {
				mw = append(mw, map[string]roundtripper.Middleware{"trace": k.kit.Tracer.Middleware, "drain": k.kit.Drainer.Middleware, "pool": k.kit.Pool.Middleware}[name])
			}
			return k.over(strings.Contains(order, "pool"), base, mw...)
		}})
	}
	return stacks
}

// passing is a middleware of somebody else's that can't be looked through.
type passing struct{ next *http.Transport }

func (p passing) RoundTrip(req *http.Request) (*http.Response, error) { return p.next.RoundTrip(req) }
func (p passing) CloseIdleConnections()                               { p.next.CloseIdleConnections() }

// Whatever a server, a proxy or the network does, the caller sees what bare net/http would
// have shown, and nothing is left behind. Of the list, the small size has one row in six,
// each table among them; rows that -run names are played in any case. WARMCONN_FAULTS=kinds
// has each of them with all kinds of requests, through as few stacks as the small size.
func TestEveryFaultIsWhatItIsToBareNetHTTP(t *testing.T) {
	log.SetOutput(io.Discard) // net/http complains of answers that nobody asked for
	defer log.SetOutput(os.Stderr)
	endings := []faultlist.Ending{faultlist.Reads, faultlist.Closes}
	stacks := faultStacks()
	r := faultlist.Runner{Stacks: stacks, Methods: faultlist.Methods, Endings: endings, AtOnce: faultsAtOnce}
	kinds := os.Getenv("WARMCONN_FAULTS") == "kinds"
	compared, excused, chance, late, wrong := 0, 0, 0, 0, 0
	var unused []string
	var faults []faultlist.Fault
	for i, f := range faultlist.All() {
		if i%6 == 0 || fullsize.Asked() || namesSubtests() {
			faults = append(faults, f)
		}
	}
	for i, f := range faults {
		if !fullsize.Asked() { // the preset and, by turns, another stack
			r.Stacks = []faultlist.Stack{stacks[0], stacks[1+i%(len(stacks)-1)]}
		}
		if !fullsize.Asked() && !kinds { // and by turns a kind of requests, and an ending
			m := faultlist.Methods[i%len(faultlist.Methods)]
			r.Methods, r.Endings = []faultlist.Method{m}, endings
			if !m.Bodiless() && !f.Endless {
				r.Endings = endings[i/len(faultlist.Methods)%2:][:1]
			}
		}
		t.Run(f.Name, func(t *testing.T) {
			before := faultsLeave()
			report := r.Compare(&f)
			compared += report.Compared
			excused += report.Excused
			chance += report.Chance
			late += report.Late
			for _, text := range report.Unused {
				unused = append(unused, f.Name+": "+text)
			}
			wrong += len(report.Wrong)
			for _, text := range report.Wrong {
				t.Error(text)
			}
			var now [2]int
			defer func() {
				if t.Failed() && (now[0] > before[0] || now[1] > before[1]) {
					stacks := make([]byte, 1<<20)
					t.Logf("%v goroutines and sockets, before %v\n%s", now, before, stacks[:runtime.Stack(stacks, true)])
				}
			}()
			eventually.True(t, "no goroutine and no socket to be left", func() bool {
				now = faultsLeave()
				return now[0] <= before[0] && now[1] <= before[1]
			})
		})
	}
	size := "one of"
	if fullsize.Asked() || kinds {
		size = "all of"
	}
	t.Logf("%d faults × %d stacks × %s %d kinds of requests × %d endings: %d outcomes compared with bare net/http's, %d excused by the list, %d by chance, %d by a deadline, %d differences",
		len(faults), len(r.Stacks), size, len(faultlist.Methods), len(endings), compared, excused, chance, late, wrong)
	// Of the deadlines that come before all else there are as many as the machine is slow.
	if most := 5 + compared/1000; chance > most {
		t.Errorf("%d outcomes of %d by chance, want at most %d: do they have a cause?", chance, compared, most)
	}
	for _, text := range unused {
		t.Logf("excused, and did not occur: %s", text)
	}
}

// namesSubtests reports whether -run names subtests, too.
func namesSubtests() bool { return strings.Contains(flag.Lookup("test.run").Value.String(), "/") }

// faultsLeave are the goroutines, and the sockets among the descriptors where the system
// says.
func faultsLeave() [2]int {
	const dir = "/proc/self/fd/"
	sockets := 0
	list, _ := os.ReadDir(dir)
	for _, fd := range list {
		if name, err := os.Readlink(dir + fd.Name()); err == nil && strings.HasPrefix(name, "socket:") {
			sockets++
		}
	}
	return [2]int{runtime.NumGoroutine(), sockets}
}
