package warmconn_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
)

// bodies are ways to send a response. Net/http's own bodies pass testing/iotest's check, so the
// layers' bodies must.
var bodies = []struct {
	name  string
	serve func(w http.ResponseWriter, content []byte)
}{
	{"of known length", func(w http.ResponseWriter, content []byte) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Write(content)
	}},
	{"chunked", func(w http.ResponseWriter, content []byte) {
		for len(content) > 0 {
			n := min(len(content), 1000)
			w.Write(content[:n])
			http.NewResponseController(w).Flush()
			content = content[n:]
		}
	}},
	{"of gzip", func(w http.ResponseWriter, content []byte) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		z.Write(content)
		z.Close()
	}},
	{"to the connection's end", func(w http.ResponseWriter, content []byte) {
		w.Header().Set("Connection", "close")
		w.Header().Set("Transfer-Encoding", "identity")
		w.Write(content)
	}},
	{"empty", func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusNoContent) }},
}

func TestBodiesAreReadersByIotest(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 1000)
	for _, http2 := range []bool{false, true} {
		for i, b := range bodies {
			want := content
			if b.name == "empty" {
				want = nil
			}
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sent, err := io.ReadAll(r.Body)
				if err != nil || r.Method == http.MethodPost && !bytes.Equal(sent, content) {
					http.Error(w, "not what was to be sent", http.StatusBadRequest)
					return
				}
				b.serve(w, content)
			}), testserver.Options{HTTP2: http2})
			for j, s := range faultStacks() {
				if !fullsize.Asked() && j > 0 && (i+j)%len(bodies) != 0 { // the preset, and each stack with one of the bodies
					continue
				}
				base := srv.Transport()
				layers := s.Over(base)
				client := &http.Client{Transport: layers}
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatalf("%s, %s: %v", b.name, s.Name, err)
				}
				if known := resp.ContentLength == int64(len(content)); known != (b.name == "of known length") || !http2 && b.name == "to the connection's end" && len(resp.TransferEncoding)+max(int(resp.ContentLength), 0) > 0 {
					t.Errorf("HTTP/2 %v, a body %s: length %d, %v", http2, b.name, resp.ContentLength, resp.TransferEncoding)
				}
				if err := iotest.TestReader(resp.Body, want); err != nil {
					t.Errorf("HTTP/2 %v, a body %s, %s: %v", http2, b.name, s.Name, err)
				}
				resp.Body.Close()
				layers.End()
				base.CloseIdleConnections()
			}
			srv.Close()
		}
	}
}

// What iotest's readers do as bodies of requests is the server's and the caller's to see, as
// with net/http alone.
func TestIotestsReadersAreSent(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 200)
	odd := errors.New("odd")
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sent, err := io.ReadAll(r.Body); err == nil {
			w.Write(sent)
		}
	}), testserver.Options{})
	defer srv.Close()
	for i, row := range []struct {
		name string
		wrap func(io.Reader) io.Reader
	}{
		{"OneByteReader", iotest.OneByteReader},
		{"HalfReader", iotest.HalfReader},
		{"DataErrReader", iotest.DataErrReader},
		{"TimeoutReader", iotest.TimeoutReader},
		{"ErrReader", func(io.Reader) io.Reader { return iotest.ErrReader(odd) }},
		{"a late error", func(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(odd)) }},
	} {
		name, wrap := row.name, row.wrap
		post := func(rt http.RoundTripper) (string, error) {
			// Without HalfReader one Read has all, and TimeoutReader's error comes with the second.
			req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, srv.URL, wrap(iotest.HalfReader(strings.NewReader(content))))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := (&http.Client{Transport: rt}).Do(req)
			if err != nil {
				return "", err
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			return string(got), err
		}
		bare := srv.Transport()
		want, wantErr := post(bare)
		bare.CloseIdleConnections()
		switch fails := wantErr != nil; {
		case !fails && want != content:
			t.Errorf("%s: bare net/http is answered with %d bytes", name, len(want))
		case fails && !errors.Is(wantErr, odd) && !errors.Is(wantErr, iotest.ErrTimeout):
			t.Errorf("%s: bare net/http says %v", name, wantErr)
		}
		for j, s := range faultStacks() {
			if !fullsize.Asked() && j > 0 && (i+j)%3 != 0 { // the preset, and each stack with two of the readers
				continue
			}
			base := srv.Transport()
			layers := s.Over(base)
			got, err := post(layers)
			if got != want && wantErr == nil || (err == nil) != (wantErr == nil) || errors.Is(err, odd) != errors.Is(wantErr, odd) || errors.Is(err, iotest.ErrTimeout) != errors.Is(wantErr, iotest.ErrTimeout) {
				t.Errorf("%s, %s: %d bytes, %v; bare: %d, %v", name, s.Name, len(got), err, len(want), wantErr)
			}
			layers.End()
			base.CloseIdleConnections()
		}
	}
}
