package connpool

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/warmconn/warmconn/internal/eventually"
)

func TestBodiesThatNetHTTPKnowsGoDownAsTheyAre(t *testing.T) {
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, body := range []io.ReadCloser{
		http.NoBody, file, embedsFile{file},
		io.NopCloser(io.NopCloser(strings.NewReader("x"))),
		io.NopCloser(strings.NewReader("x")), io.NopCloser(bytes.NewReader(nil)), io.NopCloser(new(bytes.Buffer)),
	} {
		if down, tracked := track(body); down != body || tracked != nil {
			t.Errorf("%T goes down as %T", body, down)
		}
	}
	for _, body := range []io.ReadCloser{io.NopCloser(bufio.NewReader(nil)), io.NopCloser(iotest.OneByteReader(nil)), &endBody{}} {
		down, tracked := track(body)
		if tracked == nil {
			t.Errorf("%T goes down as it is", body)
		}
		_, above := body.(io.WriterTo)
		_, below := down.(io.WriterTo)
		if above != below {
			t.Errorf("%T writes itself: %v, as it goes down: %v", body, above, below)
		}
	}
}

// writes counts the writes on a connection.
type writes struct {
	net.Conn
	n *atomic.Int64
}

func (w writes) Write(p []byte) (int, error) {
	w.n.Add(1)
	return w.Conn.Write(p)
}

// countWrites is how often a POST of body writes to its connection.
func countWrites(t *testing.T, own bool, body io.Reader) int64 {
	addr := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if read(r) != nil {
			io.WriteString(c, ok200)
		}
	})
	var n atomic.Int64
	base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		return writes{nc, &n}, err
	}}
	var r http.RoundTripper = base
	if own {
		r = rt{p: newPool(t, base, Options{})}
	}
	req, _ := http.NewRequest("POST", "http://"+addr, body)
	if _, ok := body.(io.Closer); ok {
		req.ContentLength = int64(len("hello")) // http.NewRequest does not look inside
	}
	resp, err := r.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return n.Load()
}

func TestHeaderAndBodyAreWrittenAsOftenAsByNetHTTP(t *testing.T) {
	for name, body := range map[string]func() io.Reader{
		"strings.Reader": func() io.Reader { return strings.NewReader("hello") },
		"bytes.Reader":   func() io.Reader { return bytes.NewReader([]byte("hello")) },
		"bytes.Buffer":   func() io.Reader { return bytes.NewBufferString("hello") },
		"two NopClosers": func() io.Reader { return io.NopCloser(io.NopCloser(bytes.NewReader([]byte("hello")))) },
		"of no length":   func() io.Reader { return bufio.NewReader(strings.NewReader("hello")) },
	} {
		bare, own := countWrites(t, false, body()), countWrites(t, true, body())
		if own != bare {
			t.Errorf("%s: %d writes, bare net/http makes %d", name, own, bare)
		}
		if own != 1 && name != "of no length" {
			t.Errorf("%s: %d writes, want one for header and body", name, own)
		}
	}
}

// TestAFileReachesTheSocketsReadFrom: that is where it is sent by sendfile.
func TestAFileReachesTheSocketsReadFrom(t *testing.T) {
	name := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(name, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	sent := make(chan int64, 1)
	addr := script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		n, _ := io.Copy(io.Discard, req.Body)
		sent <- n
		io.WriteString(c, ok200)
	})
	var from atomic.Value
	base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &readsFrom{nc, &from}, err
	}}
	for _, kind := range []string{"of known length", "embedded", "of no length"} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		known, body := kind != "of no length", io.ReadCloser(f)
		if kind == "embedded" {
			body = embedsFile{f}
		}
		req, _ := http.NewRequest("POST", "http://"+addr, body)
		if known {
			req.ContentLength = 1 << 20
		}
		resp, err := (rt{p: newPool(t, base, Options{})}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if n := <-sent; n != 1<<20 {
			t.Errorf("%d bytes came", n)
		}
		if r, ok := from.Load().(*io.LimitedReader); known && (!ok || r.R != io.Reader(body)) {
			t.Errorf("%s: ReadFrom got %#v, want the file, limited", kind, from.Load())
		}
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("the file was not closed: %v", err)
		}
	}
}

// embedsFile is a program's own type that embeds a file.
type embedsFile struct{ *os.File }

type readsFrom struct {
	net.Conn
	from *atomic.Value
}

func (c *readsFrom) ReadFrom(r io.Reader) (int64, error) {
	c.from.Store(r)
	return io.Copy(c.Conn, r)
}

// TestTheBodyIsClosedOnEveryPath: once, unless it is of a type that net/http treats apart.
func TestTheBodyIsClosedOnEveryPath(t *testing.T) {
	s, base := serve(t, "http", hello)
	overH2, baseH2 := serve(t, "h2", hello)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	broken := base.Clone()
	broken.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrClosedPipe }
	proxyless := base.Clone()
	proxyless.Proxy = func(*http.Request) (*url.URL, error) { return nil, io.ErrClosedPipe }
	for name, tt := range map[string]struct {
		base   *http.Transport
		ctx    context.Context
		url    string
		change func(*http.Request)
	}{
		"response":          {base, context.Background(), s.URL, nil},
		"HTTP/2":            {baseH2, context.Background(), overH2.URL, nil},
		"context is over":   {base, ended, s.URL, nil},
		"dial fails":        {broken, context.Background(), s.URL, nil},
		"proxy fails":       {proxyless, context.Background(), s.URL, nil},
		"no such scheme":    {base, context.Background(), "gopher://x", nil},
		"no host":           {base, context.Background(), "http://", nil},
		"invalid method":    {base, context.Background(), s.URL, func(r *http.Request) { r.Method = "a b" }},
		"invalid header":    {base, context.Background(), s.URL, func(r *http.Request) { r.Header["a b"] = []string{""} }},
		"invalid on HTTP/2": {baseH2, context.Background(), overH2.URL, func(r *http.Request) { r.Header["a b"] = []string{""} }},
		"no header":         {base, context.Background(), s.URL, func(r *http.Request) { r.Header = nil }},
		"no URL":            {base, context.Background(), s.URL, func(r *http.Request) { r.URL = nil }},
		"body fails":        {base, context.Background(), s.URL, func(r *http.Request) { r.Body.(*countedBody).Reader = failing{} }},
	} {
		t.Run(name, func(t *testing.T) {
			var texts []string
			for _, own := range []bool{false, true} {
				b := &bodies{sent: sent{method: "POST", body: true}}
				req := b.request(tt.url).WithContext(tt.ctx)
				if tt.change != nil {
					tt.change(req)
				}
				var r http.RoundTripper = tt.base
				if own {
					r = rt{p: newPool(t, tt.base, Options{})}
				}
				resp, err := r.RoundTrip(req)
				if err != nil {
					texts = append(texts, address.ReplaceAllString(err.Error(), "ADDR"))
				} else {
					texts = append(texts, "ok")
					resp.Body.Close()
				}
				eventually.True(t, "the body to be closed", func() bool {
					b.mu.Lock()
					defer b.mu.Unlock()
					return !own || reflect.DeepEqual(b.closes, []int{1})
				})
			}
			if texts[0] != texts[1] {
				t.Errorf("bare %q, own %q", texts[0], texts[1])
			}
		})
	}
}

// TestAReadBehindACloseThatWasPutOffEnds: HTTP/2 calls Close while its writer is about to
// read, and then waits for the writer.
func TestAReadBehindACloseThatWasPutOffEnds(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	body, tracked := track(r)
	tracked.held.Store(true)
	body.Close()
	if tracked.didClose.Load() {
		t.Error("a body that was not read was closed, and another try may want it")
	}
	if _, err := body.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the read: %v, want %v", err, io.ErrClosedPipe)
	}
}
