package poolprof_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/poolprof"
)

const canary = "cnrycnry"

// leaky makes a request with a secret in every place that a request has, and fails or closes
// the body unread.
func leaky(t *testing.T, c *http.Client, url string) {
	t.Helper()
	req, err := http.NewRequest("POST", strings.Replace(url, "://", "://"+canary+":"+canary+"@", 1)+"/"+canary+"?token="+canary+"&q="+canary+"#"+canary, strings.NewReader(canary))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"Authorization", "Cookie", "Referer", "X-" + canary} {
		req.Header.Set(key, canary)
	}
	if resp, err := c.Do(req); err == nil {
		resp.Body.Close()
	}
}

// Of requests and responses with secrets in every place the profile has the host, call sites
// and reasons.
func TestAProfileShowsNoSecrets(t *testing.T) {
	requests := 0
	secret, err := url.Parse("http://" + canary + ":" + canary + "@host.example/" + canary + "?token=" + canary + "#" + canary)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests%3 == 0 {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 "+canary+"\r\nSet-Cookie "+canary+"\r\n\r\n") // malformed
			conn.Close()
			return
		}
		w.Header().Set("Set-Cookie", canary)
		w.Header().Set("X-"+canary, canary)
		if requests%3 == 1 {
			w.Header().Set("Location", secret.String())
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("Content-Length", "1000000000")
		w.Write(bytes.Repeat([]byte(canary), 512))
	}))
	defer srv.Close()
	// The server is the proxy, too, which wants credentials.
	base := srv.Client().Transport.(*http.Transport)
	base.Proxy = func(req *http.Request) (*url.URL, error) {
		if req.URL.Hostname() == "failing.example" {
			return nil, errors.New(canary)
		}
		return &url.URL{Scheme: "http", Host: srv.Listener.Addr().String(), User: secret.User}, nil
	}
	p, c := client(t, srv, pool.Options{AlwaysCaller: true})
	for range 9 {
		leaky(t, c, srv.URL)
		leaky(t, c, "http://failing.example")
	}
	var whole bytes.Buffer
	if err := poolprof.Write(&whole, p.Stats()); err != nil {
		t.Fatal(err)
	}
	shown := shownBy(t, whole.Bytes())
	for _, want := range []string{srv.URL, "poolprof_test.leaky", "body_unread"} {
		if !strings.Contains(shown, want) {
			t.Errorf("it does not have %s: is it the profile of these requests?\n%s", want, shown)
		}
	}
	if strings.Contains(strings.ToLower(shown), canary) {
		t.Errorf("it has a secret:\n%s", shown)
	}
	w := httptest.NewRecorder()
	poolprof.Handler(p).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if shown := shownBy(t, w.Body.Bytes()) + fmt.Sprint(w.Header()); strings.Contains(strings.ToLower(shown), canary) {
		t.Errorf("the handler shows a secret:\n%s", shown)
	}
}

// shownBy is a profile's strings, all of them, and what it says in words.
func shownBy(t *testing.T, written []byte) string {
	t.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.ParseData(written)
	if err != nil {
		t.Fatal(err)
	}
	return p.String() + string(text)
}

// A canary that a profile has is seen: in a label, and in a function's name.
func TestASecretInAProfileIsSeen(t *testing.T) {
	for _, n := range []pool.NewConns{{Reason: "body_unread", Host: "http://" + canary, Conns: 1}, {Reason: "body_unread", Inner: canary, Conns: 1}, {Reason: canary, Conns: 1}} {
		var b bytes.Buffer
		if err := poolprof.Write(&b, pool.Stats{NewByCaller: []pool.NewConns{n}}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(shownBy(t, b.Bytes()), canary) {
			t.Errorf("not seen: %+v", n)
		}
	}
}
