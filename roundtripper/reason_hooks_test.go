package roundtripper_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/warmconn/warmconn/roundtripper"
)

// TestConnectionThatTheCancelBrokeIsNotAnError plays net/http's part in a race:
// the response comes just as the context ends. The connection is closed for
// that, and then found to be too broken to be put back.
func TestConnectionThatTheCancelBrokeIsNotAnError(t *testing.T) {
	for _, outcome := range []roundtripper.Outcome{"failed", "none", "eof"} {
		t.Run(string(outcome), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			conn, _ := net.Pipe()
			base := roundtripper.Func(func(r *http.Request) (*http.Response, error) {
				trace := httptrace.ContextClientTrace(r.Context())
				trace.GetConn("host.example:80")
				trace.GotConn(httptrace.GotConnInfo{Conn: conn})
				broken := func() {
					cancel()
					trace.PutIdleConn(errors.New("http: putIdleConn: connection is in bad state"))
				}
				resp := &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, ContentLength: 1, Body: io.NopCloser(&last{"x", broken}), Request: r}
				switch outcome {
				case "failed":
					broken()
					return nil, r.Context().Err()
				case "none":
					broken()
					resp.ContentLength, resp.Body = 0, http.NoBody
				}
				return resp, nil
			})
			mw, ends := collect()
			req, err := http.NewRequestWithContext(ctx, "GET", "http://host.example/", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := roundtripper.Wrap(base, mw).RoundTrip(req)
			if err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if e := <-ends; e.LostReason != "canceled" {
				t.Errorf("outcome %q, lost for %q; want canceled", e.Outcome, e.LostReason)
			}
		})
	}
}

// last is a body that calls end with its last byte.
type last struct {
	left string
	end  func()
}

func (l *last) Read(p []byte) (int, error) {
	if l.left == "" {
		return 0, io.EOF
	}
	n := copy(p, l.left)
	if l.left = l.left[n:]; l.left == "" {
		l.end()
	}
	return n, nil
}
