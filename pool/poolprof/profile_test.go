package poolprof_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/pprof/profile"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/poolprof"
	"github.com/warmconn/warmconn/roundtripper"
)

// server answers with a body that is too long to be drained, or with a short one.
func server(t *testing.T) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			w.Header().Set("Content-Length", "1000000000")
		}
		w.Write(make([]byte, 4096))
	}))
	t.Cleanup(srv.Close)
	return srv
}

// costly closes the body unread: this line is what the profile has to show.
func costly(t *testing.T, c *http.Client, url string) {
	resp, err := c.Get(url + "/long") // costly's line
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// careful costs nothing.
func careful(t *testing.T, c *http.Client, url string) {
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// lineOf is the number of the line in this file that ends so.
func lineOf(t *testing.T, end string) string {
	text, err := os.ReadFile("profile_test.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if strings.HasSuffix(line, end+"\n") {
			return strconv.Itoa(n)
		}
	}
	t.Fatalf("no line ends with %q", end)
	return ""
}

// pprofTop runs the real go tool pprof, and returns what it prints and its first row.
func pprofTop(t *testing.T, source string, args ...string) (printed, first string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"tool", "pprof", "-top"}, args...), source)...)
	cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+t.TempDir())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("go tool pprof: %v\n%s", err, errs.String())
	}
	_, rows, ok := strings.Cut(out.String(), "flat%   sum%        cum   cum%\n")
	if !ok {
		t.Fatalf("go tool pprof printed\n%s%s", out.String(), errs.String())
	}
	first, _, _ = strings.Cut(rows, "\n")
	return out.String(), first
}

func client(t *testing.T, srv *httptest.Server, o pool.Options) (*pool.Pool, *http.Client) {
	p := pool.New(o)
	t.Cleanup(func() { p.Close() })
	return p, roundtripper.Client(srv.Client(), p.Middleware)
}

func TestTopLineIsTheCulprits(t *testing.T) {
	srv := server(t)
	p, c := client(t, srv, pool.Options{})
	for range 20 {
		costly(t, c, srv.URL)
		careful(t, c, srv.URL)
	}
	file := filepath.Join(t.TempDir(), "connections")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := poolprof.Write(f, p.Stats()); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	printed, first := pprofTop(t, file, "-lines")
	t.Logf("go tool pprof -top -lines prints\n%s", printed)
	want := `^ *\S+s +100% +100% +\S+s +100% +github\.com/warmconn/warmconn/pool/poolprof_test\.costly .*/profile_test\.go:` + lineOf(t, "// costly's line") + `$`
	if !regexp.MustCompile(want).MatchString(first) {
		t.Errorf("the first row is\n%s\nwant\n%s", first, want)
	}
	if strings.Contains(printed, "careful") {
		t.Error("it shows a call site that has cost nothing")
	}

	_, first = pprofTop(t, file, "-sample_index=connections")
	if want := `^ *20 +100% +100% +20 +100% +\S+poolprof_test\.costly$`; !regexp.MustCompile(want).MatchString(first) {
		t.Errorf("by connections and functions the first row is\n%s\nwant\n%s", first, want)
	}
}

func TestHandlerIsReadByPprof(t *testing.T) {
	srv := server(t)
	p, c := client(t, srv, pool.Options{})
	for range 3 {
		costly(t, c, srv.URL)
	}
	debug := httptest.NewServer(poolprof.Handler(p))
	defer debug.Close()
	if printed, first := pprofTop(t, debug.URL+"/debug/pprof/connections"); !strings.HasSuffix(first, ".costly") {
		t.Errorf("go tool pprof prints\n%s", printed)
	}
}

// served is the profile that the handler gives for the query.
func served(t *testing.T, p *pool.Pool, query string, during func()) *profile.Profile {
	t.Helper()
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		poolprof.Handler(p).ServeHTTP(w, httptest.NewRequest("GET", "/connections?"+query, nil))
	}()
	if during != nil {
		during()
	}
	<-done
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, header %v", w.Code, w.Header())
	}
	got, err := profile.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.CheckValid(); err != nil {
		t.Error(err)
	}
	return got
}

// sums are the profile's values by the innermost function.
func sums(p *profile.Profile) map[string][2]int64 {
	all := make(map[string][2]int64)
	for _, s := range p.Sample {
		name := s.Location[0].Line[0].Function.Name
		name = name[strings.LastIndexByte(name, '.')+1:]
		all[name] = [2]int64{all[name][0] + s.Value[0], all[name][1] + s.Value[1]}
	}
	return all
}

// pipes is a base whose dials take 30 ms of the bubble's time, to a server in memory.
func pipes(t *testing.T) *http.Transport {
	conns := make(chan net.Conn)
	closed := make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000000")
		w.Write(make([]byte, 4096))
	})}
	go srv.Serve(listener{conns, closed})
	t.Cleanup(func() { close(closed); srv.Close() })
	return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		time.Sleep(30 * time.Millisecond)
		here, there := net.Pipe()
		conns <- there
		return here, nil
	}}
}

type listener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (listener) Close() error   { return nil }
func (listener) Addr() net.Addr { return &net.TCPAddr{} }

func TestTimeIsWhatConnectionsTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Options{})
		c := &http.Client{Transport: p.Middleware(pipes(t))}
		defer c.CloseIdleConnections() // and not by the collector, outside of the bubble
		for range 5 {
			costly(t, c, "http://host.example")
		}
		synctest.Wait()
		want := [2]int64{4, int64(4 * 30 * time.Millisecond)} // the first has cost no one
		if got := sums(served(t, p, "", nil)); len(got) != 1 || got["costly"] != want {
			t.Errorf("got %v, want %v of costly alone", got, want)
		}

		got := sums(served(t, p, "seconds=2", func() {
			time.Sleep(time.Second)
			costly(t, c, "http://other.example") // so that there are several hosts
			costly(t, c, "http://other.example")
			time.Sleep(5 * time.Second)
			costly(t, c, "http://host.example") // too late
		}))
		if want := [2]int64{1, int64(30 * time.Millisecond)}; len(got) != 1 || got["costly"] != want {
			t.Errorf("of two seconds: got %v, want %v of costly alone", got, want)
		}
		p.Close()
	})
}

func TestSampleSaysWhyAndWhere(t *testing.T) {
	srv := server(t)
	p, c := client(t, srv, pool.Options{})
	for range 2 {
		costly(t, c, srv.URL)
	}
	got := served(t, p, "", nil)
	if len(got.Sample) != 1 {
		t.Fatalf("%d samples, want 1", len(got.Sample))
	}
	s := got.Sample[0]
	if why := s.Label["reason"]; len(why) != 1 || why[0] != "body_unread" {
		t.Errorf("the reason is %q", why)
	}
	if host := s.Label["host"]; len(host) != 1 || host[0] != srv.URL {
		t.Errorf("the host is %q, want %s", host, srv.URL)
	}
	if in := s.Label["inner"]; in != nil {
		t.Errorf("an SDK's line %q where there is none", in)
	}
}

// failing is a caller that has hung up.
type failing struct{ *httptest.ResponseRecorder }

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func passOn(proxy http.Handler) {
	proxy.ServeHTTP(failing{httptest.NewRecorder()}, httptest.NewRequest("GET", "/long", nil))
}

// What another's package does for the program is told on the program's line.
func TestTopLineIsTheProgramsAndNotAnSDKs(t *testing.T) {
	srv := server(t)
	p, c := client(t, srv, pool.Options{})
	to, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport = c.Transport
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	for range 3 {
		passOn(proxy)
	}
	got := served(t, p, "", nil)
	if v := sums(got)["passOn"]; len(got.Sample) != 1 || v[0] != 2 {
		t.Fatalf("got %v, want 2 connections by passOn", sums(got))
	}
	if in := got.Sample[0].Label["inner"]; len(in) != 1 || !strings.HasSuffix(in[0], "httputil.(*ReverseProxy).ServeHTTP") {
		t.Errorf("the label inner is %q, want the proxy's line", in)
	}
}

// What no request is to blame for has a line of its own.
func TestLossesWithoutACallSiteAreShown(t *testing.T) {
	srv := server(t)
	p, c := client(t, srv, pool.Options{})
	for range 3 {
		careful(t, c, srv.URL)
		c.CloseIdleConnections()
	}
	got := sums(served(t, p, "", nil))
	if v := got["no call site: closed_idle"]; len(got) != 1 || v[0] != 2 {
		t.Errorf("got %v, want 2 connections that the program closed", got)
	}
	file := filepath.Join(t.TempDir(), "connections")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := poolprof.Write(f, p.Stats()); err != nil {
		t.Fatal(err)
	}
	if printed, first := pprofTop(t, file); !strings.HasSuffix(first, " no call site: closed_idle") {
		t.Errorf("go tool pprof prints\n%s", printed)
	}
}

func TestHandlerRefusesOddTimes(t *testing.T) {
	p := pool.New(pool.Options{})
	for _, v := range []string{"x", "-1", "3601", "99999999999999999999"} {
		w := httptest.NewRecorder()
		poolprof.Handler(p).ServeHTTP(w, httptest.NewRequest("GET", "/?seconds="+v, nil))
		if w.Code != http.StatusBadRequest {
			t.Errorf("seconds=%s: status %d", v, w.Code)
		}
	}
}

func TestHandlerEndsWithItsRequest(t *testing.T) {
	p := pool.New(pool.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	poolprof.Handler(p).ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/?seconds=3600", nil))
	if w.Body.Len() != 0 {
		t.Error("it has answered")
	}
}

func TestANilPoolPanicsAtOnce(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	poolprof.Handler(nil)
}
