package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	tail = 25 * time.Millisecond // how late the last chunk of a late tail is

	// A chunked body is sent in pieces of this size, the slow endless one with a
	// pause after each: 3.2 MB/s.
	piece = 32 << 10
	pause = 10 * time.Millisecond
)

// The paths of a cell's server: its body, and the answer without one.
const (
	bodyPath  = "/body"
	emptyPath = "/empty"
)

// handler serves the cell's body.
func (c cell) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(emptyPath, func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc(bodyPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		flush := http.NewResponseController(w).Flush
		switch c.body {
		case length:
			w.Header().Set("Content-Length", strconv.Itoa(c.size))
			w.Write(text(c.size))
		case zipped:
			b := gzipped(c.size)
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			w.Write(b)
		case chunked:
			for b := text(c.size); len(b) > 0; {
				n := min(piece, len(b))
				if _, err := w.Write(b[:n]); err != nil {
					return
				}
				flush()
				b = b[n:]
			}
		case late:
			w.Write(text(1 << 10))
			flush()
			sleep(r.Context(), tail)
		default:
			for r.Context().Err() == nil {
				if _, err := w.Write(text(piece)); err != nil {
					return
				}
				flush()
				if c.body == slow {
					sleep(r.Context(), pause)
				}
			}
		}
	})
	return mux
}

// text is n bytes of JSON with numbers in it: gzip makes about a quarter of it.
func text(n int) []byte { return page()[:n] }

var page = sync.OnceValue(func() []byte {
	const most = 8 << 20
	rnd := rand.New(rand.NewPCG(1, 2)) // the same text in each run
	b := make([]byte, 0, most+128)
	for len(b) < most {
		b = fmt.Appendf(b, `{"kind":"Pod","name":"web-%d","phase":"Running","restarts":%d,"uid":"%08x"},`+"\n",
			rnd.IntN(1000), rnd.IntN(10), rnd.Uint32())
	}
	return b
})

var zips struct {
	sync.Mutex
	of map[int][]byte
}

// gzipped is text(n), compressed once in the life of the program.
func gzipped(n int) []byte {
	zips.Lock()
	defer zips.Unlock()
	if zips.of[n] == nil {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(text(n)) // a bytes.Buffer does not fail
		z.Close()
		if zips.of == nil {
			zips.of = make(map[int][]byte)
		}
		zips.of[n] = b.Bytes()
	}
	return zips.of[n]
}
