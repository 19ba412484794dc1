package stack

import (
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
)

// exits is a body whose Read ends its goroutine, as a failed test's does.
type exits struct{ io.Closer }

func (exits) Read([]byte) (int, error) {
	runtime.Goexit()
	return 0, nil
}

type answers struct{ body io.ReadCloser }

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, ProtoMajor: 1, Header: http.Header{}, ContentLength: 5000, Body: a.body, Request: req}, nil
}

// TestACloseThatNeverEndsIsALeak: the goroutine is gone in the middle of the drain.
func TestACloseThatNeverEndsIsALeak(t *testing.T) {
	ends := &tally{n: make(map[Outcome]int)}
	rt := New(New(answers{exits{io.NopCloser(nil)}}, ends), &drains{})
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		req, _ := http.NewRequest("GET", "http://host.example/", nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		resp.Body.Close()
	}()
	<-gone
	eventually.Collected(t, "the exchange to end", func() bool {
		return ends.of(OutcomeLeaked) > 0
	})
}
