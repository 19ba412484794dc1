package badserver_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"

	"github.com/warmconn/warmconn/internal/badserver"
)

func zip(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

// compressed is a request whose bodies are compressed, in both directions. Upload is what it sends.
func (c *client) compressed(t *testing.T, id uint64, size int64, upload []byte) *http.Request {
	t.Helper()
	req := c.request(t, id, 1000, size)
	req.Body, req.GetBody, req.ContentLength = io.NopCloser(bytes.NewReader(upload)), nil, int64(len(upload))
	req.Header.Set("Content-Encoding", "gzip")
	req.Header.Set(badserver.GzipHeader, "1")
	return req
}

func TestCompressedBodiesAreLabelled(t *testing.T) {
	for _, p := range []badserver.Proto{badserver.Plain, badserver.HTTP2} {
		c := start(t, badserver.Good(p))
		for id := range uint64(5) {
			resp, err := c.Do(c.compressed(t, id, 5000, zip(badserver.NewLabels(badserver.Client, id, 1000).Bytes())))
			if err != nil {
				t.Fatal(err)
			}
			check := badserver.NewCheck(badserver.Answer, id)
			_, err = io.Copy(check, resp.Body)
			resp.Body.Close()
			if err != nil || check.Size() != 5000 || !resp.Uncompressed {
				t.Errorf("%s: %d bytes, uncompressed %v, error %v", p, check.Size(), resp.Uncompressed, err)
			}
		}
	}
}

func TestTheServerFindsAnotherRequestsCompressedBody(t *testing.T) {
	good := zip(badserver.NewLabels(badserver.Client, 1, 1000).Bytes())
	damaged := bytes.Clone(good)
	damaged[len(damaged)-5] ^= 1 // of the check-sum
	for name, upload := range map[string][]byte{
		"another's":            zip(badserver.NewLabels(badserver.Client, 2, 1000).Bytes()),
		"a damaged one":        damaged,
		"one not compressed":   badserver.NewLabels(badserver.Client, 1, 1000).Bytes(),
		"a tail of another's":  append(good[:len(good)/2:len(good)/2], zip(good)...),
		"one, and one more":    append(good[:len(good):len(good)], good...),
		"one, and other bytes": append(good[:len(good):len(good)], "0123456789abcdef"...),
	} {
		s, err := badserver.Start(badserver.Good(badserver.Plain), 1)
		if err != nil {
			t.Fatal(err)
		}
		c := &client{Client: &http.Client{Transport: s.Transport(1)}, server: s}
		if resp, err := c.Do(c.compressed(t, 1, 0, upload)); err == nil {
			resp.Body.Close()
		}
		if wrong := s.Wrong(); len(wrong) != 1 {
			t.Errorf("%s: found %q, want one", name, wrong)
		}
		c.CloseIdleConnections()
		s.Close()
	}
}
