package warmconn_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ServeHTTP is the scene's server, and the proxy before it: it has secrets of its own in
// all that it says.
func (s *scene) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		s.hijack(w, "HTTP/1.1 407 "+s.secret("reason phrase of the proxy")+"\r\nContent-Length: 0\r\n\r\n")
		return
	}
	io.Copy(io.Discard, r.Body)
	h := w.Header()
	h.Set("Link", s.secret("header of a 1xx response"))
	w.WriteHeader(http.StatusEarlyHints)
	h.Del("Link")
	h.Set("X-Header", s.secret("response header"))
	h.Set("Set-Cookie", "session="+s.secret("Set-Cookie"))
	h.Set("WWW-Authenticate", `Basic realm="`+s.secret("WWW-Authenticate")+`"`)
	h.Set("Trailer", "X-Trailer")
	switch path, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); path {
	case "redirect":
		h.Set("Location", fmt.Sprintf("//%s:%s@%s/%s?token=%s#%s", s.secret("user of the Location"), s.secret("password of the Location"), shownHost,
			s.secret("path of the Location"), s.secret("token of the Location"), s.secret("fragment of the Location")))
		w.WriteHeader(http.StatusFound)
	case "endless":
		w.(http.Flusher).Flush()
		for range 1 << 10 {
			if _, err := io.WriteString(w, strings.Repeat(s.secret("response body"), 1<<10)); err != nil {
				return
			}
		}
	case "big":
		io.WriteString(w, strings.Repeat(s.secret("response body"), 1<<10))
	case "wait":
		s.arrived <- struct{}{}
		<-r.Context().Done()
	case "reason":
		s.hijack(w, "HTTP/1.1 200 "+s.secret("reason phrase")+"\r\nContent-Length: 0\r\n\r\n")
	case "malformed":
		s.hijack(w, "HTTP/1.1 200 OK\r\nSet-Cookie "+s.secret("malformed response")+"\r\n\r\n")
	case "chunks":
		s.hijack(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"+s.secret("malformed response")+"\r\n")
	case "cut":
		s.hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"+s.secret("response body"))
	default:
		io.WriteString(w, s.secret("response body"))
	}
	h.Set("X-Trailer", s.secret("response trailer"))
}

// hijack has the server say text as it is; over HTTP/2 it can't, and says no more.
func (s *scene) hijack(w http.ResponseWriter, text string) {
	hj, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	c, _, err := hj.Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	io.WriteString(c, text)
}
