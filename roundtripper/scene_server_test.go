package roundtripper_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// big is more than net/http on Go 1.27 drains by itself, and more than fits
// into the socket buffers.
const big = 4 << 20

// handler serves the paths that do not wait for the test.
func handler(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-Hang") != "" {
		<-r.Context().Done()
		return
	}
	switch r.URL.Path {
	case "/big":
		w.Header().Set("Content-Length", fmt.Sprint(big))
		io.WriteString(w, strings.Repeat("x", big))
	case "/none":
		w.WriteHeader(http.StatusNoContent)
	case "/hang":
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case "/endless":
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat("x", 64<<10)); err != nil {
				return
			}
		}
	case "/close":
		w.Header().Set("Connection", "close")
		io.WriteString(w, "x")
	case "/cut":
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "/upgrade":
		rw := hijack(w, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		defer rw.Close()
		io.Copy(rw, rw)
	case "/http10":
		hijack(w, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx").Close()
	case "/unframed":
		hijack(w, "HTTP/1.1 200 OK\r\n\r\nx").Close()
	case "/garbage":
		hijack(w, "SSH-2.0-warmconn\r\n").Close()
	case "/mute":
		hijack(w, "").Close()
	case "/early", "/early/none":
		// Complete, and the server reads no more of the request.
		length := 1
		if r.URL.Path == "/early/none" {
			length = 0
		}
		c := hijack(w, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", length, "x"[:length]))
		<-r.Context().Done()
		c.Close()
	default:
		io.WriteString(w, "x")
	}
}

// served is handler, and serves the paths that wait for the test.
func (s *scene) served(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/hold": // answers in two parts
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		select {
		case <-s.released:
			io.WriteString(w, "y")
		case <-r.Context().Done():
		}
	case "/silent": // never answers, not even when the client has hung up
		c := hijack(w, "")
		defer c.Close()
		s.arrived <- struct{}{}
		io.Copy(io.Discard, c)
	case "/unasked", "/unasked/short": // answers twice
		c := hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
		defer c.Close()
		<-s.released
		if r.URL.Path == "/unasked" {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Nobody: asked\r\n\r\n")
		} else {
			io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		}
		io.Copy(io.Discard, c) // until the client hangs up
	default:
		handler(w, r)
	}
}

// hijack takes the connection over and writes a response that net/http's server would not
// write.
func hijack(w http.ResponseWriter, response string) io.ReadWriteCloser {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	io.WriteString(c, response)
	return c
}
