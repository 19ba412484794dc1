package connpool

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
)

// hangs is far more time than a request takes that does not hang.
const hangs = 10 * time.Second

// limited starts an HTTP/2 server that takes that many streams at once on a connection. If it
// is not secure it is unencrypted: many handshakes would keep the machine busy.
func limited(t *testing.T, most int, secure bool, h http.HandlerFunc) (s *testserver.Server, transport func() *http.Transport) {
	s = testserver.New(h, testserver.Options{HTTP2: secure, Config: func(s *http.Server) {
		s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: most}
		s.Protocols = new(http.Protocols)
		s.Protocols.SetHTTP2(secure)
		s.Protocols.SetUnencryptedHTTP2(!secure)
	}})
	t.Cleanup(s.Close)
	return s, func() *http.Transport {
		base := s.Transport()
		base.Protocols = new(http.Protocols)
		base.Protocols.SetHTTP2(secure)
		base.Protocols.SetUnencryptedHTTP2(!secure)
		return base
	}
}

// TestABurstGetsResponsesThoughTheLimitOfStreamsComesLate: until the server's SETTINGS have
// come a connection seems to take 100 streams. An http.ClientConn has requests beyond the
// limit wait for the end of others, and here the others wait until all have come. Bare
// net/http gets the responses, too, by tries that are seconds apart.
func TestABurstGetsResponsesThoughTheLimitOfStreamsComesLate(t *testing.T) {
	const requests = 40
	together, in := meeting(requests)
	s, transport := limited(t, 4, false, together)
	r := rt{p: newPool(t, transport(), Options{})}
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	var done []<-chan error
	for range requests {
		done = append(done, send(ctx, r, s.URL))
	}
	for _, d := range done {
		if err := <-d; err != nil {
			t.Fatalf("%d of %d requests are with the server: %v", in.Load(), requests, err)
		}
	}
}

// watched answers at once, but for /watch, whose response is endless.
func watched(w http.ResponseWriter, r *http.Request) {
	w.(http.Flusher).Flush()
	if r.URL.Path == "/watch" {
		<-r.Context().Done()
	}
}

// watch gets an endless response from a watched server, until ctx ends. Watching is closed
// when the response is there, and ended when its body is closed.
func watch(ctx context.Context, t *testing.T, r http.RoundTripper, url string) (watching, ended chan struct{}) {
	watching, ended = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		resp, err := openGet(ctx, r, url+"/watch")
		close(watching)
		if err != nil {
			t.Error(err)
			return
		}
		<-ctx.Done()
		resp.Body.Close()
	}()
	return watching, ended
}

// TestARequestDoesNotWaitBehindAnEndlessOneForAStream: the server allows one stream on a
// connection. If two requests had a new connection, the one that is slower to begin would find
// the stream taken, for good.
func TestARequestDoesNotWaitBehindAnEndlessOneForAStream(t *testing.T) {
	s, transport := limited(t, 1, true, watched)
	bareAndPool(t, Options{}, transport, func(t *testing.T, r http.RoundTripper) {
		ctx, cancel := context.WithTimeout(t.Context(), hangs)
		defer cancel()
		watching, ended := watch(ctx, t, r, s.URL)
		slow := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { <-watching }})
		if err := <-send(slow, r, s.URL+"/other"); err != nil {
			t.Error(err)
		}
		cancel()
		<-ended
	})
}

// TestABackendWithFewerStreamsThanTheOthers: a new connection must not be assumed to take as
// many streams as the host's others. This one takes one stream, which is endless.
func TestABackendWithFewerStreamsThanTheOthers(t *testing.T) {
	t.Parallel() // it waits
	many, transport := limited(t, 250, true, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Connection", "close") })
	few, _ := limited(t, 1, true, watched)
	const requests = 20
	bareAndPool(t, Options{}, func() *http.Transport {
		base, dials := transport(), atomic.Int32{}
		base.TLSClientConfig.InsecureSkipVerify = true
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) > 1 {
				addr = few.Addr
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
		return base
	}, func(t *testing.T, r http.RoundTripper) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*hangs)
		defer cancel()
		must(t, r, many.URL)
		watching, ended := watch(ctx, t, r, many.URL)
		// They have their connection before the SETTINGS have come, and begin after that.
		slow := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { <-watching }})
		var done []<-chan error
		for range requests {
			done = append(done, send(slow, r, many.URL+"/other"))
		}
		for _, d := range done {
			if err := <-d; err != nil {
				t.Error(err)
			}
		}
		cancel()
		<-ended
	})
}

// TestAnUnreadBodyHoldsNoStream: the server has sent all of the response, so that its stream
// is over, whether the caller reads the body or not.
func TestAnUnreadBodyHoldsNoStream(t *testing.T) {
	s, transport := limited(t, 1, true, hello)
	strict := func() *http.Transport {
		base := transport()
		base.HTTP2 = &http.HTTP2Config{StrictMaxConcurrentRequests: true}
		return base
	}
	one := func() *http.Transport {
		base := transport()
		base.MaxConnsPerHost = 1
		return base
	}
	test := func(t *testing.T, r http.RoundTripper) {
		ctx, cancel := context.WithTimeout(t.Context(), hangs)
		defer cancel()
		must(t, r, s.URL) // the limit is known
		unread, err := openGet(ctx, r, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer unread.Body.Close()
		if r, ok := r.(rt); ok {
			eventually.True(t, "the stream to end", func() bool { return inFlight(r.p) == 0 })
		}
		for range 3 {
			if err := <-send(ctx, r, s.URL); err != nil {
				t.Fatal("behind an unread body:", err)
			}
		}
	}
	t.Run("strict", func(t *testing.T) { bareAndPool(t, Options{}, strict, test) })
	t.Run("one connection", func(t *testing.T) { bareAndPool(t, Options{MaxConns: 1}, one, test) })
}

// inFlight is how many streams net/http has on the HTTP/2 connections that are shared.
func inFlight(p *Pool) (n int) {
	p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, c := range h.direct.shared {
			n += c.cc.InFlight()
		}
	})
	return n
}
