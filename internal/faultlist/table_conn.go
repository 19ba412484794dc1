package faultlist

import "time"

// connections are faults of a connection of HTTP/1, at each of its places.
func connections() []Fault {
	return []Fault{
		{Name: "none"},
		{Name: "none, over TLS", Proto: TLS},
		{Name: "refused", URL: "http://127.0.0.1:1"},
		{Name: "closed as soon as it is accepted", Chance: first, Conn: closes},
		{Name: "reset as soon as it is accepted", Chance: first, Conn: resets},
		{Name: "the first is closed as soon as it is accepted", Chance: first, Conn: closes, Once: true},
		{Name: "the first is reset as soon as it is accepted", Chance: first, Conn: resets, Once: true},
		{Name: "an answer before the request, and closed", Chance: first, Differs: unasked, Conn: func(c *Conn) { c.Say(sized + "0123456789"); c.Close() }},
		{Name: "an answer before the request, and open", Chance: first, Differs: append(unasked, Difference{"failed: lost", "the same, where bare net/http waits"}), Deadline: hang, Anywhere: true, Conn: func(c *Conn) { c.Say(sized + "0123456789"); c.Wait() }},

		{Name: "reset before the body is read", Chance: first, Serve: resets},
		{Name: "reset before the body is read, once", Chance: first, Serve: resets, Once: true},
		{Name: "reset within a body of the request", Chance: first, Upload: 1 << 20, Serve: func(c *Conn) { c.BodyPart(1000); c.Reset() }},
		{Name: "closed before the body is read", Chance: first, Serve: closes},
		{Name: "reset before the header", Serve: says("", resets)},
		{Name: "reset before the header, once", Serve: says("", resets), Once: true},
		{Name: "closed before the header", Serve: says("", closes)},
		{Name: "closed before the header, once", Serve: says("", closes), Once: true},
		{Name: "half-closed before the header", Serve: says("", halfCloses)},
		{Name: "half-closed before the header, once", Serve: says("", halfCloses), Once: true},
		{Name: "reset within the status line", Serve: says("HTTP/1.", resets)},
		{Name: "closed within the status line", Serve: says("HTTP/1.", closes)},
		{Name: "reset within the header", Serve: says(ok+"Content-Le", resets)},
		{Name: "closed within the header", Serve: says(ok+"Content-Le", closes)},
		{Name: "half-closed within the header", Serve: says(ok+"Content-Le", halfCloses)},
		{Name: "closed before the header's last line", Serve: says(ok+"Content-Length: 10\r\n", closes)},
		{Name: "reset behind the header", Serve: says(sized, resets)},
		{Name: "closed behind the header", Serve: says(sized, closes)},
		{Name: "half-closed behind the header", Serve: says(sized, halfCloses)},
		{Name: "reset within the body", Serve: says(sized+"012", resets)},
		{Name: "closed within the body", Serve: says(sized+"012", closes)},
		{Name: "half-closed within the body", Serve: says(sized+"012", halfCloses)},
		{Name: "reset behind the body", Serve: says(sized+"{body:0123456789}", resets)},
		{Name: "closed behind the body", Serve: says(sized+"{body:0123456789}", closes)},
		{Name: "half-closed behind the body", Serve: says(sized+"{body:0123456789}", halfCloses)},

		{Name: "closed within the body, over TLS", Proto: TLS, Serve: says(sized+"012", closes)},
		{Name: "closed within the body without TLS's farewell", Proto: TLS, Serve: says(sized+"012", cuts)},
		{Name: "a body up to the end of the connection without TLS's farewell", Proto: TLS, Serve: says(ok+"\r\n012", cuts)},
		{Name: "reset within the body, over TLS", Proto: TLS, Serve: says(sized+"012", resets)},
		{Name: "reset before the header, over TLS", Proto: TLS, Serve: says("", resets)},
		{Name: "closed before the header, over TLS, once", Proto: TLS, Serve: says("", closes), Once: true},
		{Name: "half-closed behind the body, over TLS", Proto: TLS, Serve: says(sized+"{body:0123456789}", halfCloses)},
		{Name: "a record that is no TLS, within the body", Proto: TLS, Serve: func(c *Conn) {
			c.Body()
			c.Say(sized + "012")
			c.wire.Write([]byte("\x17\x03\x03\x00\x20garbage garbage garbage garbage!"))
			c.Wait()
		}},
		{Name: "an alert of TLS within the body", Proto: TLS, Serve: func(c *Conn) {
			c.Body()
			c.Say(sized + "012")
			c.wire.Write([]byte("\x15\x03\x03\x00\x02\x02\x50"))
			c.Wait()
		}},

		{Name: "silence before the header", Deadline: hang, Serve: says("", waits)},
		{Name: "silence within the header", Deadline: hang, Serve: says(ok+"Content-Le", waits)},
		{Name: "silence behind the header", Deadline: long, Dead: true, Serve: says(sized, waits)},
		{Name: "silence within the body", Deadline: hang, Serve: says(sized+"012", waits)},
		{Name: "silence within a chunk", Deadline: hang, Serve: says(chunked+"a\r\n012", waits)},
		{Name: "silence before a body is read", Deadline: hang, Upload: 4 << 20, Serve: func(c *Conn) { c.Pause(2 * hang); c.Close() }},
		{Name: "silence before the header, over TLS", Proto: TLS, Deadline: hang, Serve: says("", waits)},
		{Name: "silence within the body, over TLS", Proto: TLS, Deadline: hang, Serve: says(sized+"012", waits)},
		{Name: "silence behind 100 Continue", Deadline: hang, Serve: says("HTTP/1.1 100 Continue\r\n\r\n", waits)},
		{Name: "a header that takes longer than the transport lets it", Serve: says("", waits), Base: headerTime(20 * time.Millisecond)},

		{Name: "a header that drips", Serve: func(c *Conn) { c.Body(); c.Drip(ok, time.Millisecond); c.Say("Content-Length: 2\r\n\r\n{body:ok}") }},
		{Name: "a body that drips", Serve: func(c *Conn) {
			c.Body()
			c.Say(sized)
			if !c.bodiless() {
				c.Drip("0123456789", time.Millisecond)
			}
		}},
		{Name: "a body that drips past the deadline", Chance: "it drips in real time", Deadline: hang, Serve: func(c *Conn) {
			c.Body()
			c.Say(ok + "Content-Length: 1000000\r\n\r\n")
			c.Drip(string(make([]byte, 200)), time.Millisecond)
			c.Wait()
		}},
		{Name: "a body without an end", Endless: true, Serve: func(c *Conn) { c.Body(); c.Say(chunked); c.Endlessly("4\r\nwarm\r\n") }},
		{Name: "a body without an end or a length", Endless: true, Serve: func(c *Conn) { c.Body(); c.Say(ok + "\r\n"); c.Endlessly("warm") }},
	}
}

// unasked is what becomes of bytes that come before there is a request.
var unasked = []Difference{{"warmconn: the server sent a response before the request", "bare net/http takes it for the answer to the next request, which it can't be"}}
