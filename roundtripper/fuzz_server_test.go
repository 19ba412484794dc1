package roundtripper_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
)

// The kinds of responses of a server in FuzzExchange.
const (
	kindLength  = iota // Content-Length
	kindChunked        // no length
	kindGzip           // no length, decompressed by net/http
	kindHang           // some bytes; the rest when the player says so
	kindEndless        // as long as the client reads
	kindCut            // fewer bytes than announced
	kindClose          // Connection: close
	kindNone           // 204
	kindMute           // no answer before the player says so
	kindLate           // answers before it reads the request's body
	kinds
)

var kindNames = [kinds]string{"length", "chunked", "gzip", "hang", "endless", "cut", "close", "none", "mute", "late"}

// hangs is the number of bytes of a hanging body before it hangs.
const hangs = 100

// actor is the server's side of one exchange.
type actor struct {
	release chan struct{} // closed when the player says so

	mu   sync.Mutex
	conn *net.TCPConn // nil before the request has come
}

func (a *actor) on(c *net.TCPConn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conn = c
}

// tcp is the connection that the request came over; nil if it did not come.
func (a *actor) tcp() *net.TCPConn {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conn
}

// stage is a server, with the actors of the exchanges that are played on it.
type stage struct {
	*testserver.Server
	tls *tls.Config

	mu     sync.Mutex
	actors map[string]*actor
}

type connKey struct{}

// newStages starts a server for each of plain HTTP/1, TLS and HTTP/2.
func newStages(tb testing.TB) []*stage {
	var all []*stage
	for _, o := range []testserver.Options{{}, {TLS: true}, {HTTP2: true}} {
		s := &stage{actors: make(map[string]*actor)}
		o.Config = func(srv *http.Server) {
			srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
				if tc, ok := c.(*tls.Conn); ok {
					c = tc.NetConn()
				}
				return context.WithValue(ctx, connKey{}, c)
			}
		}
		s.Server = testserver.New(s, o)
		tb.Cleanup(s.Close)
		if s.tls = s.ClientTLS(); s.tls != nil {
			s.tls.ClientSessionCache = tls.NewLRUClientSessionCache(0) // full handshakes cost most of the time
		}
		all = append(all, s)
	}
	return all
}

func (s *stage) enter(id string) *actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &actor{release: make(chan struct{})}
	s.actors[id] = a
	return a
}

func (s *stage) leave(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.actors, id)
}

// ServeHTTP plays /kind/size/id.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	part := strings.Split(r.URL.Path, "/")
	kind, _ := strconv.Atoi(part[1])
	size, _ := strconv.Atoi(part[2])
	s.mu.Lock()
	a := s.actors[part[3]]
	s.mu.Unlock()
	if a == nil {
		panic(http.ErrAbortHandler) // its program has ended
	}
	a.on(r.Context().Value(connKey{}).(*net.TCPConn))
	body := strings.Repeat("x", size)
	length := func() { w.Header().Set("Content-Length", fmt.Sprint(size)) }
	flush := w.(http.Flusher).Flush
	// The end of a body that never came must not look like one.
	wait := func() {
		select {
		case <-a.release:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	switch kind {
	case kindChunked:
		flush()
	case kindGzip:
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, body)
		z.Close()
		return
	case kindHang:
		io.WriteString(w, body[:hangs])
		flush()
		wait()
		body = body[hangs:]
	case kindEndless:
		for {
			if _, err := io.WriteString(w, body); err != nil {
				panic(http.ErrAbortHandler)
			}
		}
	case kindCut:
		length()
		io.WriteString(w, body[:size/2])
		flush()
		panic(http.ErrAbortHandler)
	case kindClose:
		w.Header().Set("Connection", "close")
	case kindNone:
		w.WriteHeader(http.StatusNoContent)
		return
	case kindMute:
		wait()
		length()
	case kindLate:
		http.NewResponseController(w).EnableFullDuplex()
		length()
		io.WriteString(w, body)
		flush()
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler) // or Go 1.27 keeps the connection for half a second
		}
		return
	default:
		length()
	}
	io.WriteString(w, body)
}
