package roundtripper_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

// secretive starts a server that answers with the given bytes.
func secretive(t *testing.T, text string) *testserver.Server {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer nc.Close()
		io.WriteString(nc, text)
		if tcp, ok := nc.(*net.TCPConn); ok { // not a reset: the request may be unread
			tcp.CloseWrite()
			io.Copy(io.Discard, tcp)
		}
	}), testserver.Options{})
	t.Cleanup(srv.Close)
	return srv
}

var verbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%30v", "%T"}

// Texts of errors have the server's bytes in them, and a careless operator logs an Exchange.
func TestAPrintedExchangeShowsNothingThatTheServerSent(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nSet-Cookie SECRET\r\n\r\n",
		"HTTP/1.1 SECRET\r\n\r\n",
		"SECRET\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: SECRET\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: SECRET\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nSECRET\r\n\r\n",
	} {
		srv := secretive(t, text)
		var e roundtripper.Exchange
		client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, roundtripper.Observe(roundtripper.Observer{
			End: func(_ context.Context, ended roundtripper.Exchange) { e = ended },
		}))
		if resp, err := client.Get(srv.URL); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if e.Err == nil || !strings.Contains(e.Err.Error(), "SECRET") {
			t.Fatalf("%q: the error is %v: this shows nothing", text, e.Err)
		}
		var printed []string
		for _, verb := range verbs {
			printed = append(printed, fmt.Sprintf(verb, e), fmt.Sprintf(verb, &e), fmt.Sprintf(verb, []roundtripper.Exchange{e}), fmt.Sprintf(verb, struct{ E any }{e}))
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "exchange", e)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "exchange", e)
		j, err := json.Marshal(e)
		if err != nil {
			t.Error(err)
		}
		for _, text := range append(printed, log.String(), string(j)) {
			if strings.Contains(hexless(text), "SECRET") {
				t.Error(text)
			}
		}
		for _, field := range []string{"Err:", "Host:" + e.Host, "Outcome:failed"} {
			if text := fmt.Sprintf("%+v", e); !strings.Contains(text, field) {
				t.Errorf("%%+v has no %s: %s", field, text)
			}
		}
	}
}

// hexless decodes the hexadecimal digits that %x writes.
func hexless(text string) string {
	return strings.ReplaceAll(text, fmt.Sprintf("%x", "SECRET"), "SECRET")
}

func TestAPrintedBodyShowsNothingThatTheServerSent(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "SECRET")
		w.Header().Set("Trailer", "X-SECRET")
		w.(http.Flusher).Flush()
		if r.Method == http.MethodConnect {
			return
		}
		io.WriteString(w, "SECRET")
	}), testserver.Options{})
	defer srv.Close()
	for _, method := range []string{"GET", "CONNECT"} {
		for _, timeout := range []time.Duration{0, time.Minute} {
			client := roundtripper.Client(&http.Client{Transport: srv.Transport(), Timeout: timeout}, roundtripper.Observe(roundtripper.Observer{}))
			req, _ := http.NewRequest(method, srv.URL, nil)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			for range 2 { // before a Read and after it
				printed := []string{fmt.Sprintln(resp.Body)}
				verbs := verbs
				if timeout > 0 {
					verbs = verbs[:3] // the body is in a field of net/http's, where fmt calls no methods
				}
				for _, verb := range verbs {
					printed = append(printed, fmt.Sprintf(verb, resp.Body), fmt.Sprintf(verb, struct{ B io.Reader }{resp.Body}))
				}
				for _, text := range printed {
					if strings.Contains(hexless(text), "SECRET") || strings.Contains(text, "map[") {
						t.Errorf("%s, timeout %v: %s", method, timeout, text)
					}
				}
				resp.Body.Read(make([]byte, 3))
			}
		}
	}
}
