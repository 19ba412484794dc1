package drain_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// zipped is s, compressed.
func zipped(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, s)
	z.Close()
	return b.Bytes()
}

// TestGzipIsWhatNetHTTPMakesOfIt compares a stack with a drain, which decompresses by itself,
// with the transport alone: the request that the server gets, and all that the caller sees.
func TestGzipIsWhatNetHTTPMakesOfIt(t *testing.T) {
	plain := strings.Repeat("hello, world. ", 1000)
	compressed := zipped(plain)
	corrupt := bytes.Clone(compressed)
	corrupt[len(corrupt)-6] ^= 1
	send := func(encoding string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Asked", fmt.Sprint(r.Header["Accept-Encoding"], r.Header["Range"]))
			if encoding != "" {
				w.Header().Set("Content-Encoding", encoding)
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			w.Write(body)
		}
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		edit    func(*http.Request)
		base    func(*http.Transport)
	}{
		{name: "gzip", handler: send("gzip", compressed)},
		{name: "GZIP", handler: send("GZIP", compressed)},
		{name: "chunked, with a trailer", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Trailer", "X-Sum")
			w.Write(compressed[:100])
			w.(http.Flusher).Flush()
			w.Write(compressed[100:])
			w.Header().Set("X-Sum", "1")
		}},
		{name: "two members", handler: send("gzip", append(bytes.Clone(compressed), zipped("more")...))},
		{name: "not compressed", handler: send("", []byte(plain))},
		{name: "another encoding", handler: send("br", []byte("whatever"))},
		{name: "no body", handler: send("gzip", nil)},
		{name: "204", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(http.StatusNoContent)
		}},
		{name: "not gzip at all", handler: send("gzip", []byte(plain))},
		{name: "corrupt", handler: send("gzip", corrupt)},
		{name: "cut short", handler: send("gzip", compressed[:len(compressed)/2])},
		{name: "cut short by the connection", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Length", fmt.Sprint(len(compressed)))
			w.Write(compressed[:50])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}},
		{name: "HEAD", handler: send("gzip", compressed), edit: func(r *http.Request) { r.Method = "HEAD" }},
		{name: "the caller asks for gzip", handler: send("gzip", compressed), edit: func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") }},
		{name: "the caller asks for another", handler: send("gzip", compressed), edit: func(r *http.Request) { r.Header.Set("Accept-Encoding", "br, gzip") }},
		{name: "the caller asks for nothing", handler: send("gzip", compressed), edit: func(r *http.Request) { r.Header["Accept-Encoding"] = nil }},
		{name: "an empty header", handler: send("gzip", compressed), edit: func(r *http.Request) { r.Header.Set("Accept-Encoding", "") }},
		{name: "a range", handler: send("gzip", compressed), edit: func(r *http.Request) { r.Header.Set("Range", "bytes=0-9") }},
		{name: "no header map", handler: send("gzip", compressed), edit: func(r *http.Request) { r.Header = nil }},
		{name: "compression disabled", handler: send("gzip", compressed), base: func(t *http.Transport) { t.DisableCompression = true }},
	}
	// seen is all that a caller can see.
	type seen struct {
		status, header, trailer, body, failure string
		length                                 int64
		uncompressed                           bool
		encoding                               string
	}
	ask := func(rt http.RoundTripper, url string, edit func(*http.Request)) seen {
		req, _ := http.NewRequest("GET", url, nil)
		if edit != nil {
			edit(req)
		}
		resp, err := rt.RoundTrip(req)
		if err != nil {
			return seen{failure: err.Error()}
		}
		defer resp.Body.Close()
		header := maps.Clone(resp.Header)
		delete(header, "Date")
		data, err := io.ReadAll(resp.Body)
		if len(data) > 0 {
			resp.Body.Read(make([]byte, 1)) // past the end
		}
		failure, _, _ := strings.Cut(fmt.Sprint(err), "stream ID")
		return seen{resp.Status, fmt.Sprint(header), fmt.Sprint(resp.Trailer), string(data), failure, resp.ContentLength,
			resp.Uncompressed, fmt.Sprint(resp.TransferEncoding)}
	}
	for _, o := range []testserver.Options{{}, {TLS: true}, {HTTP2: true}} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("tls=%v/http2=%v/%s", o.TLS, o.HTTP2, tt.name), func(t *testing.T) {
				srv := testserver.New(tt.handler, o)
				defer srv.Close()
				base := srv.Transport()
				if tt.base != nil {
					tt.base(base)
				}
				defer base.CloseIdleConnections()
				rt := roundtripper.Wrap(base, drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware)
				defer roundtripper.CloseIdleConnections(rt)
				want := ask(base, srv.URL, tt.edit)
				for range 2 { // the second time with a decompressor that was used before
					got := ask(rt, srv.URL, tt.edit)
					if got.body != want.body {
						t.Errorf("read %d bytes %.50q, want %d", len(got.body), got.body, len(want.body))
					}
					got.body = want.body
					if got != want {
						got.body, want.body = "", ""
						t.Errorf("\ngot  %+v\nwant %+v", got, want)
					}
				}
			})
		}
	}
}

// TestDrainDoesNotDecompress: the drain of a zip bomb reads the compressed bytes alone.
func TestDrainDoesNotDecompress(t *testing.T) {
	bomb := zipped(strings.Repeat("\x00", 10<<20))
	for _, chunked := range []bool{false, true} {
		for _, read := range []int64{0, 5000} {
			t.Run(fmt.Sprintf("chunked=%v/%d bytes read", chunked, read), func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Encoding", "gzip")
					if chunked {
						w.(http.Flusher).Flush()
					}
					w.Write(bomb)
				}), testserver.Options{})
				defer srv.Close()
				client, next := observed(srv, drain.Options{Policy: drain.Fixed, MaxBytes: int64(len(bomb)), MaxTime: patient.MaxTime})
				defer client.CloseIdleConnections()
				for range 3 {
					resp, err := client.Get(srv.URL)
					if err != nil {
						t.Fatal(err)
					}
					if n, err := io.CopyN(io.Discard, resp.Body, read); n != read || err != nil {
						t.Fatalf("read %d, %v", n, err)
					}
					resp.Body.Close()
					e := next()
					if e.Outcome != roundtripper.OutcomeDrained || e.BytesDrained > int64(len(bomb)) || !e.Returned || e.BytesRead != read {
						t.Errorf("%s, %d bytes drained of the %d on the wire, returned %v, %d read", e.Outcome, e.BytesDrained, len(bomb), e.Returned, e.BytesRead)
					}
				}
				if n := srv.Opened(); n != 1 {
					t.Errorf("%d connections, want 1", n)
				}
			})
		}
	}
}

// TestCloseUnderAReadOfGzip: Close must not wait for the decompressor, which
// waits for the server.
func TestCloseUnderAReadOfGzip(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}), testserver.Options{})
	defer srv.Close()
	client, next := observed(srv, drain.Options{})
	for range 50 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		failed := make(chan error)
		for range 2 {
			go func() {
				_, err := resp.Body.Read(make([]byte, 10))
				failed <- err
			}()
		}
		resp.Body.Close()
		for range 2 {
			if err := <-failed; err == nil || err == io.EOF {
				t.Errorf("Read under Close: %v, want an error", err)
			}
		}
		next()
	}
}
