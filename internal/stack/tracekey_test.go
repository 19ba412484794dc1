package stack

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/testserver"
)

// keep keeps the facts of the last exchange.
type keep struct{ last atomic.Pointer[Facts] }

func (k *keep) End(r *Exchange, _ any, _ *Facts) { f := r.Facts(); k.last.Store(&f) }
func (*keep) Phase() Phase                       { return Observe }
func (*keep) Describe(ledger.Watch) string       { return "keep" }

func TestTheKeyOfTheHooksIsFound(t *testing.T) {
	if findTraceKey() == nil {
		t.Error("httptrace looks for hooks in a way that findTraceKey does not know: each request costs an allocation more")
	}
}

// A future Go may look for hooks in another way.
func TestTheRecordsHooksAndTheCallersRunWhetherTheKeyIsFoundOrNot(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }), testserver.Options{})
	defer srv.Close()
	for _, key := range []any{nil, findTraceKey()} {
		t.Run(fmt.Sprintf("%T", key), func(t *testing.T) {
			k := new(keep)
			s := New(&http.Transport{}, k).(*Stack)
			defer s.CloseIdleConnections()
			s.pipe.traceKey = key
			for reused := range 2 {
				var get, got, put, wrote, first atomic.Int32
				req, _ := http.NewRequest("POST", srv.URL, strings.NewReader("x"))
				resp, err := s.RoundTrip(req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					GetConn:              func(string) { get.Add(1) },
					GotConn:              func(httptrace.GotConnInfo) { got.Add(1) },
					PutIdleConn:          func(error) { put.Add(1) },
					WroteRequest:         func(httptrace.WroteRequestInfo) { wrote.Add(1) },
					GotFirstResponseByte: func() { first.Add(1) },
				})))
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if get, got, put, wrote, first := get.Load(), got.Load(), put.Load(), wrote.Load(), first.Load(); get != 1 || got != 1 || put != 1 || wrote != 1 || first != 1 {
					t.Errorf("the caller's hooks ran %d, %d, %d, %d and %d times, want once each", get, got, put, wrote, first)
				}
				if f := k.last.Load(); f.ConnUses != reused+1 || !f.Returned || f.ConnWait <= 0 {
					t.Errorf("exchange %d: use %d of its connection, returned %v, waited %v", reused, f.ConnUses, f.Returned, f.ConnWait)
				}
			}
		})
	}
}
