package faultlist

import (
	"net/http"
	"strings"
)

// http2Frames are faults in a response's HEADERS and CONTINUATION.
func http2Frames() []Fault {
	h2 := func(name string, f func(*Stream)) Fault { return Fault{Name: "h2: " + name, Proto: HTTP2, H2: f} }
	raw := func(block []byte) func(*Stream) {
		return func(c *Stream) { c.Frame(fHeaders, endHeaders|endStream, c.ID, block) }
	}
	header := func(fields ...string) func(*Stream) { return raw(block(fields...)) }
	small := func(t *http.Transport, _ *server) { t.MaxResponseHeaderBytes = 4 << 10 }
	return []Fault{
		h2("a header in three pieces", func(c *Stream) {
			b := block(":status", "200", "x-odd", strings.Repeat("x", 100))
			c.Frame(fHeaders, endStream, c.ID, b[:20])
			c.Frame(fContinuation, 0, c.ID, b[20:40])
			c.Frame(fContinuation, endHeaders, c.ID, b[40:])
		}),
		{Name: "h2: CONTINUATION without an end", Proto: HTTP2, Base: small, Chance: first, H2: func(c *Stream) {
			c.Frame(fHeaders, endStream, c.ID, block(":status", "200"))
			for range 100 {
				c.Frame(fContinuation, 0, c.ID, block("x-odd", strings.Repeat("x", 8<<10)))
			}
			c.Wait()
		}},
		h2("a flood of empty CONTINUATION", func(c *Stream) {
			c.Frame(fHeaders, endStream, c.ID, block(":status", "200"))
			c.flood(5000, frame(fContinuation, 0, c.ID, nil))
			c.Frame(fContinuation, endHeaders, c.ID, nil)
		}),
		h2("CONTINUATION of another stream", func(c *Stream) {
			c.Frame(fHeaders, endStream, c.ID, block(":status", "200"))
			c.Frame(fContinuation, endHeaders, c.ID+2, nil)
			c.Wait()
		}),
		h2("CONTINUATION of nothing", func(c *Stream) { c.Frame(fContinuation, endHeaders, c.ID, nil); c.Wait() }),
		h2("PING between HEADERS and CONTINUATION", func(c *Stream) {
			c.Frame(fHeaders, endStream, c.ID, block(":status", "200"))
			c.Frame(fPing, 0, 0, make([]byte, 8))
			c.Wait()
		}),
		// No PING is answered: its answer would end the connection before the next request, or under it.
		{Name: "h2: HEADERS without an end", Proto: HTTP2, Deadline: hang, Dead: true, H2: func(c *Stream) { c.Frame(fHeaders, endStream, c.ID, block(":status", "200")); c.Wait() }},
		h2("closed between HEADERS and CONTINUATION", func(c *Stream) { c.Frame(fHeaders, endStream, c.ID, block(":status", "200")); c.Close() }),
		{Name: "h2: a header too large", Proto: HTTP2, Base: small, H2: header(":status", "200", "x-odd", strings.Repeat("x", 14<<10))},
		{Name: "h2: a header of too many fields", Proto: HTTP2, Base: small, H2: raw(append(block(":status", "200"), strings.Repeat(string(block("x", "y")), 2000)...))},
		h2("a header without a status", header("x-odd", "1")),
		h2("a header that is empty", raw(nil)),
		h2("a status that is none", header(":status", "odd")),
		h2("two statuses", header(":status", "200", ":status", "200")),
		h2("a status behind a field", header("x-odd", "1", ":status", "200")),
		h2("a field of requests", header(":status", "200", ":path", "/")),
		h2("a field in capitals", header(":status", "200", "X-Odd", "1")),
		h2("a field with a space", header(":status", "200", "x odd", "1")),
		h2("a field with a line's end", header(":status", "200", "x-odd", "1\r\n2")),
		h2("Connection: close", header(":status", "200", "connection", "close")),
		h2("Transfer-Encoding: chunked", header(":status", "200", "transfer-encoding", "chunked")),
		h2("HPACK that is garbage", func(c *Stream) { raw([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})(c); c.Wait() }),
		h2("HPACK of an entry that there is not", func(c *Stream) { raw([]byte{0x88, 0xfe})(c); c.Wait() }),
		h2("HPACK that is cut off", func(c *Stream) { raw([]byte{0x88, 0x00, 0x10, 'x'})(c); c.Wait() }),
		h2("HPACK's table too large", func(c *Stream) { raw([]byte{0x3f, 0xff, 0xff, 0x03, 0x88})(c); c.Wait() }),
		{Name: "h2: padding longer than its frame", Proto: HTTP2, Deadline: hang, H2: func(c *Stream) {
			c.Frame(fHeaders, endHeaders|endStream|padded, c.ID, []byte{200, 0x88})
		}},
		h2("1xx five times", func(c *Stream) {
			for range 5 {
				c.Frame(fHeaders, endHeaders, c.ID, block(":status", "103", "link", "</x>"))
			}
			c.Good()
		}),
		h2("a storm of 1xx", func(c *Stream) {
			c.flood(3000, frame(fHeaders, endHeaders, c.ID, block(":status", "103", "link", "</x>")))
			c.Good()
		}),
		h2("1xx that ends the stream", func(c *Stream) { c.Frame(fHeaders, endHeaders|endStream, c.ID, block(":status", "103")) }),
		h2("101", header(":status", "101")),
	}
}

// http2Bodies are faults in a response's DATA and trailers.
func http2Bodies() []Fault {
	h2 := func(name string, f func(*Stream)) Fault { return Fault{Name: "h2: " + name, Proto: HTTP2, H2: f} }
	body := func(length string, pieces ...string) func(*Stream) {
		return func(c *Stream) {
			if !c.Opened("content-length", length) {
				return
			}
			for i, p := range pieces {
				flags := byte(0)
				if i == len(pieces)-1 {
					flags = endStream
				}
				c.Data(flags, p)
			}
		}
	}
	trailers := func(fields ...string) func(*Stream) {
		return func(c *Stream) {
			if c.Opened("trailer", "x-sum") {
				c.Data(0, "ok")
				c.Frame(fHeaders, endHeaders|endStream, c.ID, block(fields...))
			}
		}
	}
	gzipped := func(text string) func(*Stream) {
		return func(c *Stream) {
			if c.Opened("content-encoding", "gzip") {
				c.Data(endStream, text)
			}
		}
	}
	return []Fault{
		h2("a body shorter than was said", body("10", "01234")),
		h2("a body longer than was said", body("10", "0123456789", "extra")),
		h2("a body where there is none", func(c *Stream) { c.Head(0, "content-length", "2"); c.Data(endStream, "ok") }),
		h2("no body at all", body("10", "")),
		h2("a length that is none", body("odd", "0123456789")),
		h2("two lengths", func(c *Stream) {
			if c.Opened("content-length", "2", "content-length", "3") {
				c.Rest("ok")
			}
		}),
		{Name: "h2: silence within the body", Proto: HTTP2, Deadline: hang, H2: func(c *Stream) { c.Head(0, "content-length", "10"); c.Data(0, "012") }},
		h2("reset within the body", func(c *Stream) { c.Head(0, "content-length", "10"); c.Data(0, "012"); c.Reset() }),
		h2("closed within the body", func(c *Stream) { c.Head(0, "content-length", "10"); c.Data(0, "012"); c.Close() }),
		h2("half-closed within the body", func(c *Stream) { c.Head(0, "content-length", "10"); c.Data(0, "012"); c.HalfClose() }),
		h2("DATA before HEADERS", func(c *Stream) { c.Data(endStream, "ok") }),
		h2("DATA behind the end", func(c *Stream) { c.Good(); c.Data(endStream, "more") }),
		h2("HEADERS behind the end", func(c *Stream) { c.Good(); c.Head(endStream) }),
		h2("a flood of empty DATA", func(c *Stream) {
			if c.Opened() {
				c.flood(3000, frame(fData, 0, c.ID, nil))
				c.Rest("ok")
			}
		}),
		h2("DATA with padding", func(c *Stream) {
			if c.Opened() {
				c.Frame(fData, padded|endStream, c.ID, append([]byte{100, 'o', 'k'}, make([]byte, 100)...))
			}
		}),
		h2("trailers", trailers("x-sum", "1")),
		h2("trailers other than were announced", trailers("x-other", "1")),
		h2("trailers that do not end the stream", func(c *Stream) {
			if c.Opened("trailer", "x-sum") {
				c.Data(0, "ok")
				c.Frame(fHeaders, endHeaders, c.ID, block("x-sum", "1"))
			}
		}),
		h2("trailers with a status", trailers(":status", "200", "x-sum", "1")),
		h2("trailers in capitals", trailers("X-Sum", "1")),
		h2("trailers that are announced and do not come", func(c *Stream) {
			if c.Opened("trailer", "x-sum") {
				c.Rest("ok")
			}
		}),
		h2("gzip", gzipped(gz(1000))),
		h2("gzip that is none", gzipped("this is no gzip at all")),
		h2("gzip that is empty", gzipped("")),
		h2("gzip that is cut off", gzipped(gz(1000)[:20])),
		h2("a bomb of gzip", gzipped(gz(2<<20))),
		{Name: "h2: an early answer, and the stream stays", Proto: HTTP2, Upload: 1 << 20, Early: true, H2: (*Stream).Good},
		{Name: "h2: an early answer within the window, and the stream stays", Proto: HTTP2, Upload: 10 << 10, Early: true, H2: (*Stream).Good},
		{Name: "h2: a body that is never let in", Proto: HTTP2, Upload: 1 << 20, NoWindow: true, Deadline: hang, H2: (*Stream).Good},
	}
}
