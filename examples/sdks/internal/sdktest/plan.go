package sdktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/deadline"
)

// Ops is what an SDK's client can do. Those that are nil are left out of the plan.
type Ops struct {
	// Get returns something of a document that is read whole.
	Get func(ctx context.Context, name string) (string, error)
	// Open begins a download, of 256 KiB if all goes well.
	Open func(ctx context.Context, name string) (io.ReadCloser, error)
	// Put sends a document.
	Put func(ctx context.Context, name string, content []byte) error
	// More are calls of the SDK's own.
	More []Call
	// Close ends what the client has of its own: its idle connections, too, where
	// they are not Env.Base's. It may be called again.
	Close func()
}

// Call is a call of the SDK's own.
type Call struct {
	Name string
	// Times is how often it is made, 0 for once, and AtOnce how many are then made at the same time.
	Times, AtOnce int
	Do            func(ctx context.Context) (string, error)
}

// runner runs the plan with one client.
type runner struct {
	ops      Ops
	service  *service
	caller   oteltrace.Tracer
	outcomes []string // one entry for each call, in order
	number   int
}

// plan is what is asked of every SDK.
func (r *runner) plan() {
	if get := r.ops.Get; get != nil {
		r.get("ok", 500, 1)
		r.get("ok", 20, 8)
		r.get("ok", 4, 16)
		r.get("ok", 3, 40)
		r.get("missing", 4, 1)
		r.get("down", 1, 1)
		r.get("flaky", 3, 1)
		r.get("malformed", 4, 1)
		r.get("trailing", 6, 1)
		r.get("cut", 1, 1)
		r.call(Call{Name: "get, cancelled before the answer", Do: func(ctx context.Context) (string, error) {
			ctx, cancel := r.cancelled(ctx)
			defer cancel()
			return get(ctx, "sc-hang")
		}})
		r.call(Call{Name: "get, cancelled within the answer", Times: 2, Do: func(ctx context.Context) (string, error) {
			ctx, cancel := r.cancelled(ctx)
			defer cancel()
			return get(ctx, "sc-stall")
		}})
		r.call(Call{Name: "get, past its deadline", Do: func(ctx context.Context) (string, error) {
			cancelled, cancel := r.cancelled(ctx)
			defer cancel()
			expired, _ := deadline.Below(cancelled)
			return get(expired, "sc-hang")
		}})
	}
	if open := r.ops.Open; open != nil {
		r.open("ok", 20, 1, readAll)
		r.open("ok", 5, 1, readHalf)
		r.open("ok", 20, 1, readNothing)
		r.open("ok", 2, 8, readNothing)
		r.open("missing", 3, 1, readAll)
		r.open("cut", 1, 1, readAll)
		r.call(Call{Name: "download, cancelled within", Do: func(ctx context.Context) (string, error) {
			ctx, cancel := r.cancelled(ctx)
			defer cancel()
			body, err := open(ctx, "sc-stall")
			if err != nil {
				return "", err
			}
			defer body.Close()
			n, err := io.Copy(io.Discard, body)
			if errors.Is(err, context.Canceled) {
				return "", err
			}
			return fmt.Sprint(n), err
		}})
		r.call(Call{Name: "download, closed within", Do: func(ctx context.Context) (string, error) {
			defer r.drainBegun()
			body, err := open(ctx, "sc-stall")
			if err != nil {
				return "", err
			}
			some, err := readSome(body)
			return some, errors.Join(err, body.Close())
		}})
	}
	if put := r.ops.Put; put != nil {
		put := func(name string, times, atOnce, size int) {
			r.call(Call{Name: fmt.Sprintf("put %s of %d bytes", name, size), Times: times, AtOnce: atOnce, Do: func(ctx context.Context) (string, error) {
				return "", put(ctx, "sc-"+name, slices.Repeat([]byte("x"), size))
			}})
		}
		put("ok", 20, 1, 100)
		put("ok", 5, 1, big)
		put("ok", 2, 8, 1000)
		put("refused", 3, 1, 64<<10)
	}
	for _, c := range r.ops.More {
		r.call(c)
	}
	if r.ops.Get != nil {
		r.get("ok", 500, 1)
		r.get("ok", 2, 16)
	}
}

func (r *runner) get(name string, times, atOnce int) {
	r.call(Call{Name: "get " + name, Times: times, AtOnce: atOnce, Do: func(ctx context.Context) (string, error) {
		return r.ops.Get(ctx, r.named(name))
	}})
}

func (r *runner) open(name string, times, atOnce int, read func(io.Reader) (string, error)) {
	r.call(Call{Name: "download " + name, Times: times, AtOnce: atOnce, Do: func(ctx context.Context) (string, error) {
		body, err := r.ops.Open(ctx, r.named(name))
		if err != nil {
			return "", err
		}
		value, err := read(body)
		return value, errors.Join(err, body.Close())
	}})
}

// named makes the names of documents that fail the first time different.
func (r *runner) named(name string) string {
	if name == "flaky" {
		return fmt.Sprintf("sc-flaky-%d", r.number)
	}
	return "sc-" + name
}

// call makes a call and writes down what became of it; of those at once in an order of their own.
func (r *runner) call(c Call) {
	for range max(c.Times, 1) {
		r.number++
		n := max(c.AtOnce, 1)
		all := make([]string, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				ctx, span := r.caller.Start(context.Background(), c.Name)
				defer span.End()
				// A call that hangs fails; it does not hold up the others.
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				all[i] = outcome(c.Do(ctx))
			})
		}
		wg.Wait()
		slices.Sort(all)
		r.outcomes = append(r.outcomes, c.Name+": "+strings.Join(slices.Compact(all), " | "))
	}
}

// cancelled is a context that is cancelled once the server has begun a request that hangs.
func (r *runner) cancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-r.service.begun:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-done
		r.drainBegun()
	}
}

// drainBegun forgets requests that hung for other reasons.
func (r *runner) drainBegun() {
	for {
		select {
		case <-r.service.begun:
		default:
			return
		}
	}
}

func readAll(body io.Reader) (string, error) {
	all, err := io.ReadAll(body)
	return string(all), err
}

func readHalf(body io.Reader) (string, error) {
	n, err := io.CopyN(io.Discard, body, big/2)
	return fmt.Sprint(n), err
}

func readSome(body io.Reader) (string, error) {
	_, err := io.CopyN(io.Discard, body, 1)
	return "some", err
}

func readNothing(io.Reader) (string, error) { return "nothing", nil }
