package connpool

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

type owner struct {
	ctx context.Context
	got []Got
}

func (o *owner) Culprit() loss.Culprit        { return loss.Culprit{} }
func (o *owner) Acquired(g Got)               { o.got = append(o.got, g) }
func (o *owner) DialContext() context.Context { return o.ctx }

// rt is a bare RoundTripper over a Pool.
type rt struct{ p *Pool }

func (t rt) RoundTrip(req *http.Request) (*http.Response, error) {
	o := &owner{ctx: req.Context()}
	e := &Entry{Owner: o}
	t.p.Enter(e, ledger.KeyOf(req.URL), nil)
	q := *req
	resp, err := e.RoundTrip(req.Context(), &q, nil)
	if err != nil {
		e.End(loss.ConnError, false, time.Now())
		return nil, err
	}
	if resp.Body == http.NoBody || resp.StatusCode == 101 {
		e.End("", false, time.Now())
		return resp, nil
	}
	resp.Body = &endBody{ReadCloser: resp.Body, e: e}
	return resp, nil
}

type endBody struct {
	io.ReadCloser
	e    *Entry
	once sync.Once
}

func (b *endBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.once.Do(func() { b.e.End("", false, time.Now()) })
	}
	return n, err
}

func (b *endBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(func() { b.e.End(loss.BodyUnread, true, time.Now()) })
	return err
}

func newPool(base *http.Transport, o Options) *Pool {
	c := base.Clone()
	if base.TLSNextProto["h2"] != nil {
		c.ForceAttemptHTTP2 = true
	}
	return New(base, c, ledger.New(base), o)
}

func TestSmoke(t *testing.T) {
	for _, mode := range []string{"http", "tls", "h2"} {
		t.Run(mode, func(t *testing.T) {
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				fmt.Fprintf(w, "%s %d", r.Proto, len(b))
			}))
			base := &http.Transport{}
			switch mode {
			case "http":
				srv.Start()
			default:
				srv.EnableHTTP2 = mode == "h2"
				srv.StartTLS()
				base = srv.Client().Transport.(*http.Transport)
			}
			defer srv.Close()
			p := newPool(base, Options{})
			p.onEdge = func(c *Conn, from, to state) {
				if !edges[from][to] {
					t.Errorf("edge %v -> %v", from, to)
				}
			}
			c := &http.Client{Transport: rt{p}}
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					for range 20 {
						resp, err := c.Get(srv.URL)
						if err != nil {
							t.Error(err)
							return
						}
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
				})
			}
			wg.Wait()
			p.Counts(func(c ledger.Counts) { t.Logf("%+v", c) })
			p.CloseIdleConnections()
			time.Sleep(100 * time.Millisecond)
			p.Counts(func(c ledger.Counts) { t.Logf("%+v", c) })
		})
	}
}
