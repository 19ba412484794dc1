package badserver

import (
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
)

// GzipHeader asks for a compressed answer, if the request accepts one as well: a
// transport of net/http's says so by itself.
const GzipHeader = "Bad-Gzip"

// zipped compresses what is written. It is chunked over HTTP/1.
type zipped struct {
	http.ResponseWriter
	zip *gzip.Writer
}

func (z *zipped) Write(p []byte) (int, error) { return z.zip.Write(p) }

func (z *zipped) FlushError() error {
	if err := z.zip.Flush(); err != nil {
		return err
	}
	return http.NewResponseController(z.ResponseWriter).Flush()
}

// compresses has the answer compressed, if that is asked for. End writes what is left.
func (e *exchange) compresses() (end func()) {
	if e.r.Header.Get(GzipHeader) == "" || e.r.Method == http.MethodHead || !strings.Contains(e.r.Header.Get("Accept-Encoding"), "gzip") {
		return func() {}
	}
	e.Header().Set("Content-Encoding", "gzip")
	zip, ok := e.server.zips.Get().(*gzip.Writer)
	if !ok {
		zip, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed)
	}
	zip.Reset(e.ResponseWriter)
	e.ResponseWriter = &zipped{e.ResponseWriter, zip}
	return func() {
		zip.Close()
		e.server.zips.Put(zip)
	}
}

// plain is the request's body, decompressed.
func (e *exchange) plain() (io.Reader, func(), error) {
	if e.r.Header.Get("Content-Encoding") != "gzip" {
		return e.r.Body, func() {}, nil
	}
	unzip, ok := e.server.unzips.Get().(*gzip.Reader)
	if !ok {
		unzip = new(gzip.Reader)
	}
	done := func() { e.server.unzips.Put(unzip) }
	if err := unzip.Reset(e.r.Body); err != nil {
		done()
		return nil, nil, err
	}
	return unzip, done, nil
}

// Garbled reports whether err is a decompressor's about bytes that no compressor wrote: they
// are of another body.
func Garbled(err error) bool {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	return corrupt || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum)
}
