package pool_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// opaque is a middleware that can't be looked through, as most are.
type opaque struct{ next http.RoundTripper }

func (o opaque) RoundTrip(req *http.Request) (*http.Response, error) { return o.next.RoundTrip(req) }

func TestWarningsNameWhatToDo(t *testing.T) {
	registered := &http.Transport{}
	registered.RegisterProtocol("unix", http.DefaultTransport)
	for _, row := range []struct {
		name string
		base func(*pool.Pool) http.RoundTripper
		want pool.Warning // zero: none
	}{
		{"a transport", func(*pool.Pool) http.RoundTripper { return &http.Transport{} }, pool.Warning{}},
		{"nil", func(*pool.Pool) http.RoundTripper { return nil }, pool.Warning{}},
		{"a middleware", func(*pool.Pool) http.RoundTripper { return opaque{&http.Transport{}} }, pool.Warning{
			Kind: pool.StandsOutside, Base: "pool_test.opaque",
			Text: "pool only counts requests, and owns no connections: it stands outside of a pool_test.opaque; wrap what that wraps",
		}},
		{"an honest middleware", func(*pool.Pool) http.RoundTripper { return roundtripper.Layer(&http.Transport{}, nil) }, pool.Warning{
			Kind: pool.StandsOutside, Base: "*roundtripper.layer",
			Text: "pool only counts requests, and owns no connections: it stands outside of a *roundtripper.layer; wrap what that wraps",
		}},
		{"a function", func(*pool.Pool) http.RoundTripper { return roundtripper.Func(nil) }, pool.Warning{
			Kind: pool.NotOwned, Base: "roundtripper.Func",
			Text: "pool only counts requests, and owns no connections: it stands on a roundtripper.Func, which is no *http.Transport; if that wraps one, wrap what it wraps",
		}},
		{"a transport that a clone would take something from", func(*pool.Pool) http.RoundTripper { return registered }, pool.Warning{
			Kind: pool.NotOwned, Base: "*http.Transport",
			Text: `pool only counts requests, and owns no connections: the scheme "unix" is registered on the transport`,
		}},
		{"its own stack below a middleware", func(p *pool.Pool) http.RoundTripper { return roundtripper.Layer(p.Middleware(nil), nil) }, pool.Warning{}},
		{"another pool's stack below a middleware", func(*pool.Pool) http.RoundTripper {
			return roundtripper.Layer(pool.New(pool.Options{}).Middleware(nil), nil)
		}, pool.Warning{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var mu sync.Mutex
			var got []pool.Warning
			var p *pool.Pool
			p = pool.New(pool.Options{OnWarning: func(w pool.Warning) {
				p.Stats() // no lock is held
				mu.Lock()
				defer mu.Unlock()
				got = append(got, w)
			}})
			defer p.Close()
			base := row.base(p)
			var all sync.WaitGroup
			for range 8 { // warned once, though many build such chains
				all.Go(func() { p.Middleware(base) })
			}
			all.Wait()
			if row.want == (pool.Warning{}) {
				if len(got) > 0 {
					t.Errorf("warned: %q", got)
				}
				return
			}
			if len(got) != 1 || got[0] != row.want {
				t.Fatalf("got  %+v\nwant once %+v", got, row.want)
			}
			if _, why, _ := strings.Cut(row.want.Text, ": "); !strings.Contains(roundtripper.Describe(p.Middleware(base)), why) {
				t.Errorf("Describe does not say %q:\n%s", why, roundtripper.Describe(p.Middleware(base)))
			}
		})
	}
}

// A program may have very many types of bases, by generics: it is not warned of each.
func TestWarningsAreBounded(t *testing.T) {
	told := 0
	p := pool.New(pool.Options{OnWarning: func(pool.Warning) { told++ }})
	defer p.Close()
	for i := range 200 {
		tr := &http.Transport{}
		tr.RegisterProtocol("scheme"+string(rune('a'+i%26))+string(rune('a'+i/26)), http.DefaultTransport)
		p.Middleware(tr)
	}
	if told == 0 || told > 64 {
		t.Errorf("%d warnings of 200 causes, want 64 at most", told)
	}
}

func TestDescribeNamesTheStackThatOwns(t *testing.T) {
	p := pool.New(pool.Options{})
	defer p.Close()
	d := roundtripper.Describe(p.Middleware(roundtripper.Layer(pool.New(pool.Options{}).Middleware(nil), nil)))
	if first, _, _ := strings.Cut(d, "\n"); !strings.HasSuffix(first, "only counts requests: a stack below a *roundtripper.layer owns the connections") {
		t.Errorf("got\n%s", d)
	}
}
