package faultlist

import "time"

// uploads are answers that come before the request's body has.
func uploads() []Fault {
	const (
		tooLarge = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\n{body:413}"
		large    = 4 << 20 // more than the kernel's buffers take
	)
	early := func(text string, next then) func(*Conn) {
		return func(c *Conn) {
			c.Say(text)
			next(c)
		}
	}
	return []Fault{
		{Name: "an early answer, and the body is read", Deadline: long, Upload: large, Serve: early(tooLarge, goesOn)},
		{Name: "an early answer, and lingering", Upload: large, Chance: first, Serve: early(tooLarge, halfCloses)},
		{Name: "an early answer, and closed", Upload: large, Chance: first, Serve: early(tooLarge, closes)},
		{Name: "an early answer, and reset", Upload: large, Chance: first, Serve: early(tooLarge, resets)},
		{Name: "an early answer that says close, and lingering", Upload: large, Chance: first, Serve: early("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\n{body:413}", halfCloses)},
		{Name: "an early answer in the middle of the body, and lingering", Upload: large, Chance: first, Serve: func(c *Conn) {
			c.BodyPart(large / 2)
			c.Say(tooLarge)
			c.HalfClose()
		}},
		{Name: "an early answer without an end of its body", Upload: large, Deadline: hang, Serve: early(ok+"Content-Length: 1000\r\n\r\nok", waits)},
		{Name: "an early answer to a short body", Deadline: long, Serve: early(tooLarge, goesOn)},
		{Name: "an early answer that is no HTTP", Upload: large, Chance: first, Serve: early("hello\r\n\r\n", halfCloses)},
		{Name: "a body that is read slowly", Upload: 64 << 10, Serve: func(c *Conn) {
			for range 8 {
				c.BodyPart(8 << 10)
				c.Pause(time.Millisecond)
			}
			c.Body()
			c.Good()
		}},
	}
}

// redirects go nowhere.
func redirects() []Fault {
	to := func(status, where string) func(*Conn) {
		return says("HTTP/1.1 "+status+" Moved\r\nLocation: "+where+"\r\nContent-Length: 3\r\n\r\n{body:old}", goesOn)
	}
	return []Fault{
		{Name: "redirect loop, 301", Deadline: long, Serve: to("301", "/fault")},
		{Name: "redirect loop, 302", Deadline: long, Serve: to("302", "/fault")},
		{Name: "redirect loop, 303", Deadline: long, Serve: to("303", "/fault")},
		{Name: "redirect loop, 307", Deadline: long, Serve: to("307", "/fault")},
		{Name: "redirect loop, 308", Deadline: long, Serve: to("308", "/fault")},
		{Name: "redirect, 307, once", Deadline: long, Serve: to("307", "/good")},
		{Name: "redirect without a Location", Serve: says("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", goesOn)},
		{Name: "redirect to what is no URL", Serve: to("302", "http://[::1")},
		{Name: "redirect to a scheme that is not known", Deadline: long, Serve: to("302", "gopher://x.example/")},
		{Name: "redirect to a host that refuses", Deadline: long, Serve: to("307", "http://127.0.0.1:1/")},
		{Name: "redirect that breaks off its body", Serve: says("HTTP/1.1 302 Found\r\nLocation: /good\r\nContent-Length: 1000\r\n\r\nold", closes)},
		{Name: "redirect with a body without an end", Serve: func(c *Conn) {
			c.Body()
			c.Say("HTTP/1.1 302 Found\r\nLocation: /good\r\nTransfer-Encoding: chunked\r\n\r\n")
			c.Endlessly("4\r\nwarm\r\n")
		}},
	}
}
