package roundtrippertest

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/warmconn/warmconn/internal/testserver"
)

// counter counts the calls of httptrace's hooks.
type counter struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counter) add(hook string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[hook]++
}

// String returns how often each hook ran, sorted.
func (c *counter) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var s []string
	for hook, n := range c.n {
		s = append(s, fmt.Sprintf("%s %d", hook, n))
	}
	sort.Strings(s)
	return strings.Join(s, ", ")
}

func (c *counter) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:              func(string) { c.add("GetConn") },
		GotConn:              func(httptrace.GotConnInfo) { c.add("GotConn") },
		PutIdleConn:          func(error) { c.add("PutIdleConn") },
		GotFirstResponseByte: func() { c.add("GotFirstResponseByte") },
		ConnectStart:         func(string, string) { c.add("ConnectStart") },
		ConnectDone:          func(string, string, error) { c.add("ConnectDone") },
		TLSHandshakeStart:    func() { c.add("TLSHandshakeStart") },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { c.add("TLSHandshakeDone") },
		WroteHeaders:         func() { c.add("WroteHeaders") },
		WroteRequest:         func(httptrace.WroteRequestInfo) { c.add("WroteRequest") },
	}
}

// wantHooks returns the hooks of one exchange on a new connection.
func wantHooks(o testserver.Options) string {
	hooks := []string{"ConnectDone 1", "ConnectStart 1", "GetConn 1", "GotConn 1", "GotFirstResponseByte 1", "WroteHeaders 1", "WroteRequest 1"}
	if o.HTTP2 {
		hooks = append(hooks, "TLSHandshakeDone 1", "TLSHandshakeStart 1")
	} else {
		hooks = append(hooks, "PutIdleConn 1")
	}
	slices.Sort(hooks)
	return strings.Join(hooks, ", ")
}

func hooks(p *probe) {
	for _, v := range protocols {
		p.in(v.name)
		want := wantHooks(v.opts)
		got := ""
		// Net/http does not put a connection back whose request's end its writer has not told
		// within 50 ms, as on a busy machine.
		unkept := strings.Replace(want, "PutIdleConn 1, ", "", 1)
		for range 3 {
			srv, rt := p.serve(v.opts, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") })
			ctx, _ := p.context()
			c := &counter{n: make(map[string]int)}
			ctx = httptrace.WithClientTrace(ctx, c.trace())
			p.readAll(p.send(rt, p.requestWith(ctx, "POST", srv.URL, &Body{Text: "x"})))
			// Some hooks run on net/http's goroutines, after the body has ended.
			p.eventually(func() bool { got = c.String(); return got == want })
			if got != unkept {
				break
			}
		}
		if got != want {
			p.errorf("in one exchange on a new connection the caller's hooks ran: %s; want %s", got, want)
		}
	}
}
