package faultlist

import (
	"net/http"
	"strings"
	"time"
)

func headerTime(d time.Duration) func(*http.Transport, *server) {
	return func(t *http.Transport, _ *server) { t.ResponseHeaderTimeout = d }
}

// two is a body of known length.
const two = "Content-Length: 2\r\n\r\n{body:ok}"

// headers are faults in what a response's header says.
func headers() []Fault {
	list := []Fault{
		{Name: "HTTP/0.9", Serve: says("hello, this is no HTTP\n", closes)},
		{Name: "HTTP/0.9, and open", Serve: says("hello, this is no HTTP\n", waits)},
		{Name: "garbage", Serve: says("\x00\x01\x02\x03\xff\xfe\n\n\r\n", closes)},
		{Name: "garbage without an end of its line", Deadline: hang, Serve: says("\x00\x01\x02\x03\xff\xfe", waits)},
		{Name: "an answer in TLS", Serve: says("\x15\x03\x01\x00\x02\x02\x28", closes)},
		{Name: "an answer in HTTP/2", Serve: says("\x00\x00\x00\x04\x00\x00\x00\x00\x00", closes)},
		{Name: "an empty line before the status", Serve: says("\r\n"+ok+two, goesOn)},
		{Name: "a status of two digits", Serve: says("HTTP/1.1 20 OK\r\n"+two, goesOn)},
		{Name: "a status of four digits", Serve: says("HTTP/1.1 2000 OK\r\n"+two, goesOn)},
		{Name: "a status that is negative", Serve: says("HTTP/1.1 -20 OK\r\n"+two, goesOn)},
		{Name: "a status of no class", Deadline: long, Serve: says("HTTP/1.1 999 Odd\r\n"+two, goesOn)},
		{Name: "a status of 000", Deadline: long, Serve: says("HTTP/1.1 000 Odd\r\n"+two, goesOn)},
		{Name: "a status without words", Deadline: long, Serve: says("HTTP/1.1 200\r\n"+two, goesOn)},
		{Name: "HTTP/1.0", Serve: says("HTTP/1.0 {status}\r\n"+two, closes)},
		{Name: "HTTP/1.0 without a length", Serve: says("HTTP/1.0 {status}\r\n\r\n{body:ok}", closes)},
		{Name: "HTTP/1.0 that keeps the connection", Serve: says("HTTP/1.0 {status}\r\nConnection: keep-alive\r\n"+two, goesOn)},
		{Name: "HTTP/1.0, chunked", Serve: says("HTTP/1.0 {status}\r\nTransfer-Encoding: chunked\r\n\r\n{body:2\r\nok\r\n0\r\n\r\n}", closes)},
		{Name: "HTTP/1.2", Serve: says("HTTP/1.2 {status}\r\n"+two, goesOn)},
		{Name: "HTTP/2.0 in plain text", Serve: says("HTTP/2.0 {status}\r\n"+two, goesOn)},
		{Name: "HTTP/9.9", Serve: says("HTTP/9.9 {status}\r\n"+two, goesOn)},
		{Name: "a version that is none", Serve: says("HTTP/one {status}\r\n"+two, goesOn)},
		{Name: "a field without a colon", Serve: says(ok+"Odd\r\n"+two, goesOn)},
		{Name: "a field without a name", Serve: says(ok+": odd\r\n"+two, goesOn)},
		{Name: "a space before the colon", Serve: says(ok+"Odd : x\r\n"+two, goesOn)},
		{Name: "a field that is folded", Serve: says(ok+"Odd: x\r\n y\r\n"+two, goesOn)},
		{Name: "a fold before all fields", Serve: says(ok+" Odd: x\r\n"+two, goesOn)},
		{Name: "a NUL in a field", Serve: says(ok+"Odd: x\x00y\r\n"+two, goesOn)},
		{Name: "a bare CR in a field", Serve: says(ok+"Odd: x\ry\r\n"+two, goesOn)},
		{Name: "lines that end with LF", Serve: says("HTTP/1.1 {status}\nContent-Length: 2\n\n{body:ok}", goesOn)},
		{Name: "a header too large", Base: headerBytes(4 << 10), Serve: says(ok+"Odd: "+strings.Repeat("x", 32<<10)+"\r\n"+two, goesOn)},
		{Name: "a header of too many fields", Base: headerBytes(4 << 10), Serve: says(ok+strings.Repeat("Odd: x\r\n", 4<<10)+two, goesOn)},
		{Name: "a status line too large", Base: headerBytes(4 << 10), Serve: says("HTTP/1.1 200 "+strings.Repeat("x", 32<<10)+"\r\n"+two, goesOn)},
		{Name: "a header that is large", Serve: says(ok+"Odd: "+strings.Repeat("x", 256<<10)+"\r\n"+two, goesOn)},
		{Name: "a header without an end", Serve: func(c *Conn) { c.Body(); c.Say(ok); c.Endlessly("Odd: x\r\n") }, Base: headerBytes(64 << 10)},

		{Name: "one 100", Serve: says("HTTP/1.1 100 Continue\r\n\r\n"+ok+two, goesOn)},
		{Name: "hints in 103", Serve: says("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"+ok+two, goesOn)},
		{Name: "five 1xx", Serve: says(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 5)+ok+two, goesOn)},
		{Name: "a storm of 1xx", Serve: says(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 5000)+ok+two, goesOn)},
		{Name: "a storm of 1xx with fields", Serve: says(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </"+strings.Repeat("x", 1000)+">\r\n\r\n", 300)+ok+two, goesOn)},
		{Name: "1xx without an end", Serve: func(c *Conn) { c.Body(); c.Endlessly("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n") }, Base: headerBytes(64 << 10)},
		{Name: "1xx with a length", Serve: says("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n"+ok+two, goesOn)},
		{Name: "closed behind 1xx", Serve: says("HTTP/1.1 103 Early Hints\r\n\r\n", closes)},
		{Name: "101 that was not asked for", Serve: says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: odd\r\n\r\n", closes)},
		{Name: "204 with a body", Serve: says("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", goesOn)},
		{Name: "204 with chunks", Serve: says("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", goesOn)},
		{Name: "205", Serve: says("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", goesOn)},
		{Name: "304 that nobody asked for", Serve: says("HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", goesOn)},
		{Name: "408 on a connection in use", Serve: says("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", closes)},
		{Name: "408 on an idle connection", Serve: func(c *Conn) {
			c.Body()
			c.Say(ok + two + "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
			c.Close()
		}},
		{Name: "401", Deadline: long, Serve: says("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"+two, goesOn)},
		{Name: "503", Deadline: long, Serve: says("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"+two, goesOn)},
	}
	for _, spelling := range []string{"close", "Close", "CLOSE", "close, TE", "keep-alive, close", "close,close", " close ", "x, close, y", "\tclose", "closed", "close;q=1", "\"close\"", "clo\r\n se"} {
		text := ok + "Connection: " + spelling + "\r\n" + two
		list = append(list, Fault{Name: "Connection: " + spelling, Serve: says(text, closes)},
			Fault{Name: "Connection: " + spelling + ", and open", Serve: says(text, goesOn)})
	}
	return append(list,
		Fault{Name: "connection: close in lower case", Serve: says(ok+"connection:close\r\n"+two, closes)},
		Fault{Name: "two fields Connection, the second close", Serve: says(ok+"Connection: keep-alive\r\nConnection: close\r\n"+two, closes)},
		Fault{Name: "Proxy-Connection: close", Serve: says(ok+"Proxy-Connection: close\r\n"+two, closes)},
		Fault{Name: "Connection: close with a body up to the end", Serve: says(ok+"Connection: close\r\n\r\n{body:ok}", closes)},
		Fault{Name: "Keep-Alive: timeout=0", Serve: says(ok+"Keep-Alive: timeout=0\r\n"+two, goesOn)},
		Fault{Name: "Keep-Alive: max=1", Serve: says(ok+"Keep-Alive: timeout=5, max=1\r\n"+two, closes)},
		Fault{Name: "Keep-Alive that is garbage", Serve: says(ok+"Keep-Alive: timeout=99999999999999999999999, max=-1, =, ,\r\n"+two, goesOn)},
	)
}

func headerBytes(n int64) func(*http.Transport, *server) {
	return func(t *http.Transport, _ *server) { t.MaxResponseHeaderBytes = n }
}
