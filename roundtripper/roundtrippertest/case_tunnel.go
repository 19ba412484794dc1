package roundtrippertest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/warmconn/warmconn/internal/testserver"
)

// tunnel is the body of a 101 or of an answer to a CONNECT.
type tunnel struct {
	Body
	mu      sync.Mutex
	written bytes.Buffer
	half    int // CloseWrites
}

func (t *tunnel) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.written.Write(p)
}

func (t *tunnel) CloseWrite() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.half++
	return nil
}

func (t *tunnel) sent() (string, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.written.String(), t.half
}

// opened opens a scripted tunnel through the middleware.
func (p *probe) opened(method string) (*tunnel, *http.Response) {
	tun := &tunnel{Body: Body{Text: "greeting\n", Until: make(chan struct{})}}
	base := &Transport{Body: func(*http.Request) io.ReadCloser { return tun }}
	if method != http.MethodConnect {
		base.Status = http.StatusSwitchingProtocols
		base.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}}
	}
	p.cleanup(func() { tun.Close() })
	return tun, p.send(p.wrap(base), p.upgrade(method, scripted))
}

func (p *probe) upgrade(method, url string) *http.Request {
	req := p.request(method, url, nil)
	if method != http.MethodConnect {
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "echo")
	}
	return req
}

func (p *probe) writable(method string) {
	tun, resp := p.opened(method)
	defer resp.Body.Close()
	w, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		p.fatalf("the base's body is an io.ReadWriteCloser, the caller's is a %T, which is none", resp.Body)
	}
	p.step("writing to a tunnel")
	if n, err := w.Write([]byte("hello")); n != 5 || err != nil {
		p.errorf("Write of 5 bytes returned %d and %v", n, err)
	}
	if got, _ := tun.sent(); got != "hello" {
		p.errorf("the caller wrote hello, the base's body got %q", got)
	}
}

// unread: neither while the tunnel is open, nor to drain it.
func (p *probe) unread(method string) {
	tun, resp := p.opened(method)
	p.step("Body.Close of a tunnel of which nothing was read")
	resp.Body.Close()
	if n := tun.Reads(); n != 0 {
		p.errorf("the caller never read; the base's body was read %d times", n)
	}
	if tun.Closes() == 0 {
		p.errorf("the caller closed the tunnel; the base's body was not closed")
	}
}

func (p *probe) halfClose(method string) {
	tun, resp := p.opened(method)
	defer resp.Body.Close()
	c, ok := resp.Body.(interface{ CloseWrite() error })
	if !ok {
		p.fatalf("the base's body has the method CloseWrite, the caller's %T has not", resp.Body)
	}
	if err := c.CloseWrite(); err != nil {
		p.errorf("CloseWrite: %v", err)
	}
	if _, n := tun.sent(); n != 1 {
		p.errorf("CloseWrite was called once, that of the base's body %d times", n)
	}
}

func upgradeWritable(p *probe)  { p.writable("GET") }
func upgradeUnread(p *probe)    { p.unread("GET") }
func upgradeHalfClose(p *probe) { p.halfClose("GET") }
func connectWritable(p *probe)  { p.writable(http.MethodConnect) }
func connectUnread(p *probe)    { p.unread(http.MethodConnect) }

// upgradeSocket talks to a server that has switched protocols.
func upgradeSocket(p *probe) {
	srv, rt := p.serve(testserver.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		p.cleanup(func() { c.Close() })
		defer c.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\ngreeting\n")
		rw.Flush()
		io.Copy(c, rw)
	})
	resp := p.send(rt, p.upgrade("GET", srv.URL))
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		p.fatalf("the server switched protocols, the caller got %d", resp.StatusCode)
	}
	if w, ok := resp.Body.(io.Writer); ok { // else upgrade-writable has said so
		p.talk(w, resp.Body)
	}
}

// connectSocket talks through a proxy: net/http sends the request's body and
// receives the response's at the same time.
func connectSocket(p *probe) {
	rt := p.real(&http.Transport{})
	pr, pw := io.Pipe()
	p.cleanup(func() { pw.Close() })
	resp := p.send(rt, p.request(http.MethodConnect, "http://"+p.proxy(), pr))
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.fatalf("the proxy answered 200, the caller got %d", resp.StatusCode)
	}
	p.talk(pw, resp.Body)
	pw.Close()
	p.step("Body.Close of a tunnel that is still open")
	resp.Body.Close()
}

func (p *probe) talk(w io.Writer, r io.Reader) {
	p.step("reading a server's greeting")
	br := bufio.NewReaderSize(r, 16)
	if line, err := br.ReadString('\n'); line != "greeting\n" || err != nil {
		p.fatalf("the server's greeting came as %q, error %v", line, err)
	}
	for range 3 {
		p.ping(w, br)
	}
}

// proxy starts a server that answers CONNECT and echoes. It returns its address.
func (p *probe) proxy() string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.fatalf("listening: %v", err)
	}
	p.cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.cleanup(func() { c.Close() })
			go func() {
				defer c.Close()
				br := bufio.NewReader(c)
				if _, err := http.ReadRequest(br); err != nil {
					return
				}
				io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\ngreeting\n")
				io.Copy(c, br)
			}()
		}
	}()
	return ln.Addr().String()
}
