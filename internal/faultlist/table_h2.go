package faultlist

import (
	"net/http"
	"strings"
)

// http2Connections are faults of HTTP/2 that concern a connection.
func http2Connections() []Fault {
	h2 := func(name string, f func(*Stream)) Fault { return Fault{Name: "h2: " + name, Proto: HTTP2, H2: f} }
	hello := func(name string, f func(*Stream)) Fault {
		return Fault{Name: "h2: " + name, Proto: HTTP2, Hello: f, Chance: first}
	}
	once := func(f Fault) Fault {
		f.Name += ", once"
		f.Once = true
		return f
	}
	late := func(f Fault) Fault {
		f.Deadline = hang
		return f
	}
	const none, protocol, internal, flow, refused, cancel, calm = 0, 1, 2, 3, 7, 8, 11
	goAway := func(last func(id uint32) uint32, code uint32, next then) func(*Stream) {
		return func(c *Stream) {
			c.GoAway(last(c.ID), code)
			next(c.Conn)
		}
	}
	this := func(id uint32) uint32 { return id }
	before := func(id uint32) uint32 { return max(id, 2) - 2 }
	zero := func(uint32) uint32 { return 0 }
	all := func(uint32) uint32 { return 1<<31 - 1 }
	answered := func(f func(*Stream)) func(*Stream) {
		return func(c *Stream) {
			c.Good()
			f(c)
		}
	}
	list := []Fault{
		h2("none", nil),
		h2("closed before the header", func(c *Stream) { c.Close() }),
		once(h2("closed before the header", func(c *Stream) { c.Close() })),
		h2("reset before the header", func(c *Stream) { c.Reset() }),
		once(h2("reset before the header", func(c *Stream) { c.Reset() })),
		h2("half-closed before the header", func(c *Stream) { c.HalfClose() }),
		h2("silence before the header", nil),
		{Name: "h2: silence, and no PING is answered", Proto: HTTP2, Deadline: hang, Dead: true, H2: func(c *Stream) { c.Wait() }},
		h2("closed behind the answer", answered(func(c *Stream) { c.Close() })),
		h2("reset behind the answer", answered(func(c *Stream) { c.Reset() })),

		late(h2("GOAWAY of a stream before", goAway(before, none, goesOn))),
		once(h2("GOAWAY of a stream before", goAway(before, none, goesOn))),
		once(h2("GOAWAY of a stream before, and closed", goAway(before, none, closes))),
		once(h2("GOAWAY of no stream", goAway(zero, none, closes))),
		once(h2("GOAWAY of all streams, and closed", goAway(all, none, closes))),
		h2("GOAWAY of the stream, and closed", goAway(this, none, closes)),
		once(h2("GOAWAY of the stream, and closed", goAway(this, none, closes))),
		h2("GOAWAY with an error, and closed", goAway(this, internal, closes)),
		once(h2("GOAWAY with an error of a stream before", goAway(before, protocol, closes))),
		once(h2("GOAWAY that asks for calm", goAway(before, calm, closes))),
		h2("GOAWAY of the stream, then the answer", func(c *Stream) { c.GoAway(c.ID, none); c.Good() }),
		h2("GOAWAY of all streams, then the answer", func(c *Stream) { c.GoAway(1<<31-1, none); c.Good() }),
		h2("two GOAWAY, then the answer, then closed", func(c *Stream) { c.GoAway(1<<31-1, none); c.GoAway(c.ID, none); c.Good(); c.Close() }),
		h2("GOAWAY behind the answer", answered(func(c *Stream) { c.GoAway(c.ID, none) })),
		h2("GOAWAY behind the answer, and closed", answered(func(c *Stream) { c.GoAway(c.ID, none); c.Close() })),
		h2("GOAWAY within the body, then the rest", func(c *Stream) {
			if c.Opened("content-length", "10") {
				c.Data(0, "01234")
				c.GoAway(c.ID, none)
				c.Rest("56789")
			}
		}),
		h2("GOAWAY within the body, and closed", func(c *Stream) {
			c.Opened("content-length", "10")
			c.GoAway(c.ID, none)
			c.Close()
		}),
		h2("GOAWAY that gets larger", func(c *Stream) { c.GoAway(c.ID, none); c.GoAway(c.ID+2, none); c.Good(); c.Close() }),

		hello("no SETTINGS", func(*Stream) {}),
		hello("PING before SETTINGS", func(c *Stream) { c.Frame(fPing, 0, 0, make([]byte, 8)); c.Frame(fSettings, 0, 0, nil) }),
		hello("garbage before SETTINGS", func(c *Stream) { c.Conn.Conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")); c.HalfClose() }),
		hello("closed before SETTINGS", func(c *Stream) { c.Close() }),
		once(hello("GOAWAY before SETTINGS", func(c *Stream) { c.GoAway(0, none); c.Close() })),
		late(hello("GOAWAY behind SETTINGS", func(c *Stream) { c.Settings(); c.GoAway(0, none); c.Close() })),
		hello("one stream", func(c *Stream) { c.Settings(3, 1) }),
		late(hello("no stream", func(c *Stream) { c.Settings(3, 0) })),
		hello("a header list that is too small", func(c *Stream) { c.Settings(6, 20) }),
		hello("no table of HPACK's", func(c *Stream) { c.Settings(1, 0) }),
		hello("a window of nothing, and then one", func(c *Stream) { c.Settings(4, 0); c.Settings(4, 65535) }),
		hello("a window that is too large", func(c *Stream) { c.Settings(4, 1<<31) }),
		hello("frames that are too small", func(c *Stream) { c.Settings(5, 100) }),
		hello("push that is on", func(c *Stream) { c.Settings(2, 1) }),
		hello("push that is 7", func(c *Stream) { c.Settings(2, 7) }),
		hello("settings that nobody knows", func(c *Stream) { c.Settings(0xff00, 7, 0xff01, 8) }),
		hello("SETTINGS of an odd size", func(c *Stream) { c.Frame(fSettings, 0, 0, make([]byte, 5)) }),
		hello("SETTINGS of a stream", func(c *Stream) { c.Frame(fSettings, 0, 1, nil) }),
		hello("an acknowledgement of nothing", func(c *Stream) { c.Settings(); c.Frame(fSettings, ack, 0, nil); c.Frame(fSettings, ack, 0, nil) }),
		h2("SETTINGS change within the answer", func(c *Stream) {
			c.Settings(3, 1, 4, 100, 5, 1<<20)
			if c.Opened("content-length", "10") {
				c.Settings(3, 50, 4, 1<<20)
				c.Rest("0123456789")
			}
		}),
		h2("fewer streams behind the answer", answered(func(c *Stream) { c.Settings(3, 1) })),
		{Name: "h2: a window of nothing", Proto: HTTP2, Hello: func(c *Stream) { c.Settings(4, 0) }, NoWindow: true, Deadline: hang, H2: (*Stream).Good},

		h2("a flood of PING", func(c *Stream) { c.flood(2000, frame(fPing, 0, 0, make([]byte, 8))); c.Good() }),
		h2("a flood of PING's acknowledgements", func(c *Stream) { c.flood(2000, frame(fPing, ack, 0, make([]byte, 8))); c.Good() }),
		h2("a flood of SETTINGS", func(c *Stream) { c.flood(1000, frame(fSettings, 0, 0, nil)); c.Good() }),
		h2("a flood of PRIORITY", func(c *Stream) { c.flood(2000, frame(fPriority, 0, c.ID, make([]byte, 5))); c.Good() }),
		h2("a flood of frames that nobody knows", func(c *Stream) { c.flood(2000, frame(0xbe, 0, 0, make([]byte, 8))); c.Good() }),
		h2("a flood of WINDOW_UPDATE", func(c *Stream) { c.flood(2000, frame(fWindowUpdate, 0, 0, u32(1))); c.Good() }),
		h2("a flood of RST_STREAM", func(c *Stream) { c.flood(2000, frame(fReset, 0, c.ID, u32(cancel))) }),
		h2("a window that overflows", func(c *Stream) { c.Frame(fWindowUpdate, 0, 0, u32(1<<31-1)); c.Wait() }),
		// Not here: a stream's window that overflows. net/http of Go 1.26 locks up for good then, whatever the request's deadline: its reader takes
		// a mutex that it holds.
		h2("a window of 0 more", func(c *Stream) { c.Frame(fWindowUpdate, 0, c.ID, u32(0)) }),
		h2("a frame that is too large", func(c *Stream) { c.Frame(fData, 0, c.ID, make([]byte, 2<<20)); c.Wait() }),
		h2("a frame that is cut off", func(c *Stream) { c.Conn.Conn.Write([]byte{0, 0, 100, 0, 0, 0}); c.Close() }),
		h2("PING of an odd size", func(c *Stream) { c.Frame(fPing, 0, 0, make([]byte, 7)); c.Wait() }),
		h2("PING of a stream", func(c *Stream) { c.Frame(fPing, 0, c.ID, make([]byte, 8)); c.Wait() }),
		h2("GOAWAY of an odd size", func(c *Stream) { c.Frame(fGoAway, 0, 0, make([]byte, 3)); c.Wait() }),
		h2("a push", func(c *Stream) {
			c.Frame(fPushPromise, endHeaders, c.ID, append(u32(2), block(":method", "GET")...))
			c.Wait()
		}),
		late(h2("a stream of the server's own", func(c *Stream) { c.Frame(fHeaders, endHeaders|endStream, 2, block(":status", "200")) })),
		h2("HEADERS of no stream", func(c *Stream) { c.Frame(fHeaders, endHeaders|endStream, 0, block(":status", "200")); c.Wait() }),
		h2("DATA of no stream", func(c *Stream) { c.Frame(fData, endStream, 0, []byte("x")); c.Wait() }),
		h2("DATA of a stream that has not begun", func(c *Stream) { c.Frame(fData, endStream, c.ID+100, []byte("x")); c.Wait() }),
	}
	for i := range list {
		if list[i].Name == "h2: silence before the header" {
			list[i].H2, list[i].Deadline = func(*Stream) {}, hang
		}
	}
	for _, c := range []struct {
		code uint32
		name string
	}{
		{none, "NO_ERROR"}, {protocol, "PROTOCOL_ERROR"}, {internal, "INTERNAL_ERROR"}, {flow, "FLOW_CONTROL_ERROR"}, {refused, "REFUSED_STREAM"},
		{cancel, "CANCEL"}, {calm, "ENHANCE_YOUR_CALM"}, {13, "HTTP_1_1_REQUIRED"}, {99, "of no known code"},
	} {
		code, name := c.code, c.name
		if code == none || code >= internal && code != refused {
			list = append(list, h2("RST_STREAM "+name, func(c *Stream) { c.Cancel(code) }))
		}
		list = append(list, once(h2("RST_STREAM "+name, func(c *Stream) { c.Cancel(code) })),
			h2("RST_STREAM "+name+" within the body", func(c *Stream) { c.Opened("content-length", "10"); c.Cancel(code) }),
			h2("RST_STREAM "+name+" behind the answer", answered(func(c *Stream) { c.Cancel(code) })),
			Fault{Name: "h2: an early answer and RST_STREAM " + name, Proto: HTTP2, Upload: 1 << 20, Early: true, NoWindow: true, H2: func(c *Stream) { c.Good(); c.Cancel(code) }},
		)
	}
	return list
}

// flood writes a frame so often.
func (c *Stream) flood(n int, frame []byte) {
	c.Conn.Conn.Write([]byte(strings.Repeat(string(frame), n)))
}

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
		{Name: "h2: HEADERS without an end", Proto: HTTP2, Deadline: hang, H2: func(c *Stream) { c.Frame(fHeaders, endStream, c.ID, block(":status", "200")) }},
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
		h2("more DATA than the window", func(c *Stream) {
			if c.Opened() {
				for range 300 {
					c.Data(0, strings.Repeat("x", 16<<10))
				}
				c.Wait()
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
