package drain_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
)

type hedger struct {
	next http.RoundTripper
	wg   *sync.WaitGroup
}

func (h hedger) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := h.next.RoundTrip(req)
	h.wg.Go(func() {
		if resp, err := h.next.RoundTrip(req.Clone(req.Context())); err == nil {
			resp.Body.Close()
		}
	})
	return resp, err
}

// The body of one attempt is drained while another attempt begins below: the drain also asks
// for the budget of that one.
func TestDrainWhileAHedgersNextAttemptBegins(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("x", 5000))
	}), testserver.Options{})
	defer srv.Close()
	base := srv.Transport()
	defer base.CloseIdleConnections()
	var wg sync.WaitGroup
	defer wg.Wait()
	d := drain.New(drain.Options{})
	rt := drain.New(drain.Options{}).Middleware(hedger{d.Middleware(base), &wg})
	for i := range fullsize.Of(2000, 250) {
		req, _ := http.NewRequest("GET", srv.URL, nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); time.Since(began) < time.Duration(i%100)*time.Microsecond; {
		}
		resp.Body.Close()
	}
}
