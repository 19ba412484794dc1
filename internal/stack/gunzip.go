package stack

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Net/http asks for gzip on its own account, and decompresses without the caller's
// knowledge. To read the rest of such a body means to decompress it: 10 KB on the wire can be
// 10 MiB to a drain. So in a stack that drains, right over net/http's transport, the kit does
// both in net/http's place, by the same rules (persistConn.roundTrip and readLoop), and drains
// the bytes on the wire.

// gzips are a stack's decompressors, and the header that asks for gzip. Decompressors are
// used again because one costs 40 KB.
type gzips struct {
	accept  []string // the header's value, shared by all requests
	readers sync.Pool
}

// newGzips is nil where net/http would not decompress either.
func newGzips(t *http.Transport) *gzips {
	if t.DisableCompression {
		return nil
	}
	return &gzips{accept: []string{"gzip"}}
}

// gunzip has the caller's response decompressed, if the kit has asked for gzip and the server
// has sent it, and changes its header as net/http would.
func (x *Exchange) gunzip(resp *http.Response) {
	if !x.request.gzip || resp.ContentLength == 0 || !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return
	}
	h := make(http.Header, len(resp.Header))
	for k, v := range resp.Header {
		h[k] = v
	}
	delete(h, "Content-Encoding")
	delete(h, "Content-Length")
	resp.Header, resp.ContentLength, resp.Uncompressed = h, -1, true
	x.body.gunzip = &gunzip{gzips: x.pipe.gzips, raw: countingReader{Reader: resp.Body}}
}

// gunzip decompresses one body. It reads no further ahead than it must, so that the end of
// the body is seen with its last byte.
type gunzip struct {
	gzips *gzips
	raw   countingReader

	mu  sync.Mutex // one Read at a time; a Close does not wait for it
	zr  *gzip.Reader
	err error // sticky
}

func (g *gunzip) Read(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	if g.zr == nil {
		zr, _ := g.gzips.readers.Get().(*gzip.Reader)
		if zr == nil {
			zr = new(gzip.Reader)
		}
		g.zr = zr
		if g.err = zr.Reset(&g.raw); g.err != nil {
			g.releaseLocked()
			return 0, g.err
		}
	}
	n, err := g.zr.Read(p)
	if err != nil {
		g.err = err
		g.releaseLocked()
	}
	return n, err
}

// close gives the decompressor back, unless a Read is using it: that Read fails, because the
// body is closed under it, and gives it back then.
func (g *gunzip) close() {
	if !g.mu.TryLock() {
		return
	}
	defer g.mu.Unlock()
	if g.err == nil {
		g.err = http.ErrBodyReadAfterClose
	}
	g.releaseLocked()
}

// releaseLocked gives the decompressor back without the body that it has read.
func (g *gunzip) releaseLocked() {
	if g.zr == nil {
		return
	}
	g.zr.Reset(emptyReader{})
	g.gzips.readers.Put(g.zr)
	g.zr = nil
}

// emptyReader is an empty body. It has ReadByte: else gzip would put a buffer in front of it.
type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, io.EOF }
func (emptyReader) ReadByte() (byte, error)  { return 0, io.EOF }

// countingReader counts the bytes that are read on the wire.
type countingReader struct {
	io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}
