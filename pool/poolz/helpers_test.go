package poolz

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// ask has the page of h.
func ask(h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// read has it as JSON.
func read(t *testing.T, h http.Handler, target string) (p page) {
	t.Helper()
	w := ask(h, target, "Accept", "application/json")
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return p
}

// server is one on loopback, or in memory: /long can't be drained.
func server(t *testing.T, o testserver.Options) *testserver.Server {
	t.Helper()
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			w.Header().Set("Content-Length", "1000000000")
			w.Write(make([]byte, 4096))
			return
		}
		io.WriteString(w, "hello\n")
	}), o)
	t.Cleanup(srv.Close)
	return srv
}

func newPool(t *testing.T, o pool.Options) *pool.Pool {
	t.Helper()
	p := pool.New(o)
	t.Cleanup(func() { p.Close() })
	return p
}

func get(t *testing.T, rt http.RoundTripper, url string) {
	t.Helper()
	resp, err := (&http.Client{Transport: rt}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

func closeUnread(t *testing.T, rt http.RoundTripper, url string) {
	t.Helper()
	resp, err := (&http.Client{Transport: rt}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// to is a request as nobody's parser lets it through.
func to(method, host, path string) *http.Request {
	return &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: host, Path: path, RawQuery: "key=hunter2"}, Header: http.Header{}}
}
