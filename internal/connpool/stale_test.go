package connpool

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
)

// breaks is a connection that breaks when the next request is written: then f is called.
type breaks struct {
	net.Conn
	f *atomic.Pointer[func()]
}

func (b breaks) Write(p []byte) (int, error) {
	if f := b.f.Load(); f != nil {
		(*f)()
		return 0, errors.New("broken pipe")
	}
	return b.Conn.Write(p)
}

// TestTheCauseOfAnEndedContextOutweighsAStaleConnection: the request would be sent again if its
// context had not ended when the connection turned out stale.
func TestTheCauseOfAnEndedContextOutweighsAStaleConnection(t *testing.T) {
	s, base := serve(t, "http", hello)
	var f atomic.Pointer[func()]
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := s.Dial(ctx, network, addr)
		return breaks{nc, &f}, err
	}
	bareAndPool(t, Options{}, base.Clone, func(t *testing.T, r http.RoundTripper) {
		for range 5 {
			f.Store(nil)
			must(t, r, s.URL)
			cause := errors.New("the caller's cause")
			ctx, cancel := context.WithCancelCause(t.Context())
			end := func() { cancel(cause) }
			f.Store(&end)
			if _, err := openGet(ctx, r, s.URL); err != cause {
				t.Errorf("error %v, want %v", err, cause)
			}
		}
	})
}

// TestAnInvalidHeaderIsToldAsByNetHTTPOnAConnectionThatIsThere: the error of an
// http.ClientConn has other words than that of a Transport, which looks before it has a
// connection.
func TestAnInvalidHeaderIsToldAsByNetHTTPOnAConnectionThatIsThere(t *testing.T) {
	for _, protocol := range protocols {
		s, base := serve(t, protocol, hello)
		for name, spoil := range map[string]func(*http.Request){
			"header":  func(r *http.Request) { r.Header["Bad Name"] = []string{"x"} },
			"value":   func(r *http.Request) { r.Header["Name"] = []string{"\n"} },
			"trailer": func(r *http.Request) { r.Trailer = http.Header{"Bad Name": {"x"}} },
		} {
			t.Run(protocol+"/"+name, func(t *testing.T) {
				var texts []string
				bareAndPool(t, Options{}, base.Clone, func(t *testing.T, r http.RoundTripper) {
					must(t, r, s.URL)
					req, _ := http.NewRequest("GET", s.URL, nil)
					spoil(req)
					_, err := r.RoundTrip(req)
					if err == nil {
						t.Fatal("no error")
					}
					texts = append(texts, err.Error())
				})
				if len(texts) == 2 && texts[0] != texts[1] {
					t.Errorf("bare %q, own %q", texts[0], texts[1])
				}
			})
		}
	}
}
