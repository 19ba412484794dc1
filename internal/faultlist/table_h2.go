package faultlist

import "strings"

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
	unhurried := func(f Fault) Fault {
		f.Differs = append(f.Differs, Difference{"failed: timeout", "who has read that no stream is allowed waits until the deadline; net/http has often sent its request before"})
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
		unhurried(late(hello("no stream", func(c *Stream) { c.Settings(3, 0) }))),
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
		{Name: "h2: a window of nothing", Chance: "a body may be sent before the server's SETTINGS come", Proto: HTTP2, Hello: func(c *Stream) { c.Settings(4, 0) }, NoWindow: true, Deadline: hang, H2: (*Stream).Good},

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
