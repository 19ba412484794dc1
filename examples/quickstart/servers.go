package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"time"
)

// sizes of I1's bodies: from one byte to more than a socket buffer's first read.
var sizes = []int{1, 512, 4 << 10, 32 << 10}

// framings are the ways in which HTTP/1.1 tells where a body ends.
var framings = []string{"length", "chunked", "trailers", "gzip"}

// mixedPath walks through every framing in every size.
func mixedPath(i int) string {
	return fmt.Sprintf("/%s/%d", framings[i%len(framings)], sizes[i/len(framings)%len(sizes)])
}

// bodies serves /FRAMING/SIZE: SIZE bytes of JSON-like text, framed as asked.
// For gzip, SIZE counts before compression.
func bodies() http.Handler {
	zipped := make(map[int][]byte)
	for _, n := range sizes {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(text(n)) // a bytes.Buffer does not fail
		z.Close()
		zipped[n] = b.Bytes()
	}
	sized := func(serve func(http.ResponseWriter, int)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			n, err := strconv.Atoi(r.PathValue("size"))
			if err != nil || n < 0 || n > len(page) {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			serve(w, n)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/length/{size}", sized(func(w http.ResponseWriter, n int) {
		w.Header().Set("Content-Length", strconv.Itoa(n))
		w.Write(text(n))
	}))
	mux.HandleFunc("/chunked/{size}", sized(func(w http.ResponseWriter, n int) {
		chunks(w, text(n))
	}))
	mux.HandleFunc("/trailers/{size}", sized(func(w http.ResponseWriter, n int) {
		w.Header().Set("Trailer", "X-Checksum")
		chunks(w, text(n))
		w.Header().Set("X-Checksum", fmt.Sprintf("%08x", crc32.ChecksumIEEE(text(n))))
	}))
	mux.HandleFunc("/gzip/{size}", sized(func(w http.ResponseWriter, n int) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(zipped[n])
	}))
	return mux
}

// chunks writes b in pieces, each in an HTTP chunk of its own.
func chunks(w http.ResponseWriter, b []byte) {
	const piece = 4 << 10
	for len(b) > 0 {
		n := min(piece, len(b))
		w.Write(b[:n])
		http.NewResponseController(w).Flush()
		b = b[n:]
	}
}

// small answers every path with a body of 1 KiB.
func small() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(text(1 << 10))
	})
}

// busy is small after a millisecond of work, as a service behind a database
// takes it: requests overlap, whatever the number of CPUs.
func busy() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		time.Sleep(time.Millisecond)
		w.Write(text(1 << 10))
	})
}

// watch answers /watch with a body that goes on for as long as the client is
// there, and every other path as small does.
func watch() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(text(1 << 10))
		if r.URL.Path == "/watch" {
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	})
}

// page is what all bodies are cut from. It is longer than the 256 KiB that
// net/http on Go 1.27 drains.
var page = bytes.Repeat([]byte(`{"kind":"Pod","name":"web-0","phase":"Running"},`), 8<<10)

func text(n int) []byte { return page[:n] }
