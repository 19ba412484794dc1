package sdktest

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
)

// protocol is how a server is reached.
type protocol string

const (
	plain    protocol = "http"
	tlsHTTP1 protocol = "tls"
	tlsHTTP2 protocol = "h2"
)

// big is the size of a download.
const big = 256 << 10

// scenario is in the name of a document, and so in a request's path, query or body.
var scenario = regexp.MustCompile(`sc-([a-z]+)(?:-[a-z0-9]+)?`)

// service answers requests as SDK.Answer does, but for names of scenarios that are faults.
type service struct {
	sdk *SDK

	mu   sync.Mutex
	wire []string       // the traceparent of each request, as it came
	seen map[string]int // requests by the name of their document

	// begun has a token for each request that hangs, once its client can notice.
	begun chan struct{}
}

// start starts the server that s answers on; with unix, on a socket at that path.
func (s *service) start(t testing.TB, proto protocol, unix string) *testserver.Server {
	opts := testserver.Options{TLS: proto == tlsHTTP1, HTTP2: proto == tlsHTTP2}
	if proto == tlsHTTP1 {
		opts.Config = func(srv *http.Server) {
			srv.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
		}
	}
	if unix != "" {
		l, err := net.Listen("unix", unix)
		if err != nil {
			t.Fatal(err)
		}
		opts.Listener = l
	}
	return testserver.New(s, opts)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := scenario.FindStringSubmatch(r.URL.Path + "?" + r.URL.RawQuery)
	if name == nil || name[1] != "refused" {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if name == nil {
			name = scenario.FindStringSubmatch(string(body[:min(len(body), 4096)]))
		}
	}
	what, times := "", 0
	s.mu.Lock()
	s.wire = append(s.wire, r.Header.Get("Traceparent"))
	if name != nil {
		what = name[1]
		s.seen[name[0]]++
		times = s.seen[name[0]]
	}
	s.mu.Unlock()

	switch what {
	case "missing":
		s.sdk.refuse(w, r, http.StatusNotFound)
	case "refused":
		s.sdk.refuse(w, r, http.StatusForbidden)
	case "down":
		s.sdk.refuse(w, r, http.StatusServiceUnavailable)
	case "flaky":
		if times == 1 {
			s.sdk.refuse(w, r, http.StatusServiceUnavailable)
			return
		}
		s.sdk.Answer(w, r)
	case "malformed":
		h, whole := s.whole(r)
		copyHeader(w.Header(), h)
		w.Header().Del("Content-Length")
		w.Write(whole[:len(whole)/2])
	case "trailing":
		h, whole := s.whole(r)
		copyHeader(w.Header(), h)
		w.Header().Del("Content-Length")
		w.Write(whole)
		io.WriteString(w, strings.Repeat(" \n", 8<<10))
	case "cut":
		s.half(w, r)
		panic(http.ErrAbortHandler)
	case "stall":
		s.half(w, r)
		s.begun <- struct{}{}
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case "hang":
		s.begun <- struct{}{}
		<-r.Context().Done()
	default:
		s.sdk.Answer(w, r)
	}
}

// half sends the headers and a part of the answer, and says that more will come.
func (s *service) half(w http.ResponseWriter, r *http.Request) {
	h, whole := s.whole(r)
	copyHeader(w.Header(), h)
	if h.Get("Content-Length") == "" {
		w.Header().Del("Content-Length")
	}
	w.Write(whole[:len(whole)/2])
	w.(http.Flusher).Flush()
}

func (s *service) whole(r *http.Request) (http.Header, []byte) {
	rec := httptest.NewRecorder()
	s.sdk.Answer(rec, r)
	return rec.Header(), rec.Body.Bytes()
}

func copyHeader(to, from http.Header) {
	for k, v := range from {
		to[k] = v
	}
}

// requests is the traceparent of each request so far.
func (s *service) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.wire...)
}
