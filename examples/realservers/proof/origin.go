package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
)

// origin is the server behind those that are proxies. /die closes the
// connection without a response, /cut amid it.
func origin() http.Handler {
	mux := http.NewServeMux()
	file := func(size int) http.HandlerFunc {
		content := bytes.Repeat([]byte("x"), size)
		return func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Length", strconv.Itoa(size))
			w.Write(content)
		}
	}
	mux.HandleFunc("/small", file(smallSize))
	mux.HandleFunc("/large", file(largeSize))
	mux.HandleFunc("/refuse", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) })
	mux.HandleFunc("/die", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(largeSize))
		w.Write(make([]byte, largeSize/2))
		panic(http.ErrAbortHandler)
	})
	return mux
}

// serveOrigin serves it on loopback until close is called.
func serveOrigin() (addr string, close func(), err error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: origin()}
	done := make(chan struct{})
	go func() {
		defer func() { done <- struct{}{} }()
		s.Serve(l)
	}()
	return l.Addr().String(), func() { s.Close(); <-done }, nil
}
