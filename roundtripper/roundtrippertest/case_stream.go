package roundtrippertest

import (
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/warmconn/warmconn/internal/testserver"
)

// closeWhileHanging has bodies of which more is to come, or is said to come,
// and nothing does.
func closeWhileHanging(p *probe) {
	body := &Body{Text: start, Until: make(chan struct{})}
	p.cleanup(func() { body.Close() })
	resp := p.send(p.wrap(&Transport{Body: func(req *http.Request) io.ReadCloser {
		return &bound{body, req}
	}}), p.request("GET", scripted, nil))
	p.step("Body.Close, over a base whose body hangs")
	resp.Body.Close()

	variants := []struct {
		name string
		opts testserver.Options
		path string
	}{
		{"HTTP/1, chunked", testserver.Options{}, "/chunked"},
		{"HTTP/1, Content-Length", testserver.Options{}, "/length"},
		{"HTTP/1, gzip", testserver.Options{}, "/gzip"},
		{"HTTP/2", testserver.Options{HTTP2: true}, "/chunked"},
	}
	p.step("Body.Close, while a server hangs in a body: HTTP/1 chunked, with a Content-Length, gzip, HTTP/2")
	p.together(len(variants), func(i int) {
		v := variants[i]
		ended := make(chan struct{}, 10)
		srv, rt := p.serve(v.opts, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/length":
				w.Header().Set("Content-Length", "100")
			case "/gzip":
				w.Header().Set("Content-Encoding", "gzip")
				w.(http.Flusher).Flush()
			}
			if r.URL.Path != "/gzip" {
				io.WriteString(w, start)
			}
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			ended <- struct{}{}
		})
		resp, err := rt.RoundTrip(p.request("GET", srv.URL+v.path, nil))
		if err != nil {
			p.fatalf("%s: RoundTrip returned an error though the server answered: %v", v.name, err)
		}
		resp.Body.Close()
		if !p.eventually(func() bool { return len(ended) > 0 }) {
			p.errorf("%s: after Body.Close the server still waits: neither the stream nor the connection was ended", v.name)
		}
	})
}

// uploadOutlives: a base may answer before it has read the request, and go on
// reading when the response is over.
func uploadOutlives(p *probe) {
	type upload struct {
		text string
		err  error
	}
	uploaded := make(chan upload, 1)
	base := baseFunc(func(req *http.Request) (*http.Response, error) {
		go func() {
			data, err := io.ReadAll(req.Body)
			if err == nil {
				err = req.Context().Err()
			}
			req.Body.Close()
			uploaded <- upload{string(data), err}
		}()
		return (&Transport{Body: text("x")}).response(req), nil
	})
	pr, pw := io.Pipe()
	p.cleanup(func() { pw.Close() })
	rt := p.wrap(base)
	resp := p.send(rt, p.request("POST", scripted, pr))
	p.step("reading the response to its end, while the request is still written")
	if got, err := io.ReadAll(resp.Body); string(got) != "x" || err != nil {
		p.errorf("read %q and %v, want x", got, err)
	}
	p.step("writing the rest of the request, when the response has come to its end")
	io.WriteString(pw, "hello")
	pw.Close()
	if u := <-uploaded; u.text != "hello" || u.err != nil {
		p.errorf("of an upload that outlasts the response arrived %q, error %v; want hello and a context that is not done", u.text, u.err)
	}
	resp.Body.Close()

	p.overSockets(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.(http.Flusher).Flush()
		io.Copy(flushing{w}, r.Body)
	}, func(rt http.RoundTripper, url string) {
		pr, pw := io.Pipe()
		p.cleanup(func() { pw.Close() })
		resp := p.send(rt, p.request("POST", url, pr))
		defer resp.Body.Close()
		for range 3 {
			p.ping(pw, resp.Body)
		}
		pw.Close()
		if rest := p.readAll(resp); rest != "" {
			p.errorf("the body ends with %q, which was not sent", rest)
		}
	})
}

type baseFunc func(*http.Request) (*http.Response, error)

func (f baseFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

type flushing struct{ http.ResponseWriter }

func (w flushing) Write(p []byte) (int, error) {
	defer w.ResponseWriter.(http.Flusher).Flush()
	return w.ResponseWriter.Write(p)
}

// ping writes to an echo and reads the answer.
func (p *probe) ping(w io.Writer, r io.Reader) {
	const ping = "ping\n"
	p.step("writing to an echo server")
	if _, err := io.WriteString(w, ping); err != nil {
		p.fatalf("writing to the echo: %v", err)
	}
	p.step("reading from an echo server")
	got := make([]byte, len(ping))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != ping {
		p.fatalf("the echo of %q is %q, error %v", ping, got, err)
	}
}

func trailersAnnounced(p *probe) {
	p.overSockets(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Announced")
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		w.Header().Set("X-Announced", "1")
	}, func(rt http.RoundTripper, url string) {
		resp := p.send(rt, p.request("GET", url, nil))
		if _, ok := resp.Trailer["X-Announced"]; !ok {
			p.errorf("when RoundTrip has returned, resp.Trailer is %v and lacks the announced key", resp.Trailer)
		}
		p.wantTrailer(resp, http.Header{"X-Announced": {"1"}})
	})
}

// trailersUnannounced are put only on the response that the base made: a copy
// has to bring them over.
func trailersUnannounced(p *probe) {
	for _, body := range []string{"", "x"} {
		p.overSockets(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, body)
			w.(http.Flusher).Flush()
			w.Header().Set(http.TrailerPrefix+"X-Other", "2")
		}, func(rt http.RoundTripper, url string) {
			p.wantTrailer(p.send(rt, p.request("GET", url, nil)), http.Header{"X-Other": {"2"}})
		})
	}
}

func (p *probe) wantTrailer(resp *http.Response, want http.Header) {
	p.readAll(resp)
	if !reflect.DeepEqual(resp.Trailer, want) {
		p.errorf("after the body's EOF resp.Trailer is %s, the server sent %s", headerText(resp.Trailer), headerText(want))
	}
}

func headerText(h http.Header) string {
	var b strings.Builder
	h.Write(&b)
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "\r\n", ", ")
}
