package faultlist

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
)

// bodies are faults in how long a body is said to be, and in what it is said to be.
func bodies() []Fault {
	const trailing = ok + "Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
	return []Fault{
		{Name: "bytes behind the body", Serve: says(sized+"{body:0123456789}extra", goesOn)},
		{Name: "bytes behind the body, and closed", Serve: says(sized+"{body:0123456789}extra", closes)},
		{Name: "a second answer behind the body", Serve: says(sized+"{body:0123456789}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", goesOn)},
		{Name: "a second answer, later", Chance: "a request may be sent before it comes, and be answered by it", Serve: func(c *Conn) {
			c.Body()
			c.Say(sized + "{body:0123456789}")
			c.Say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
		}},
		{Name: "bytes behind the last chunk", Serve: says(chunked+"{body:2\r\nok\r\n0\r\n\r\n}extra", goesOn)},
		{Name: "a body where there is none", Serve: says(sized+"0123456789", goesOn)},
		{Name: "an empty line behind the body", Serve: says(sized+"{body:0123456789}\r\n", goesOn)},
		{Name: "nothing said of the length, and open", Deadline: long, Dead: true, Serve: says(ok+"\r\n{body:ok}", waits)},

		{Name: "a length of nothing", Serve: says(ok+"Content-Length:\r\n\r\n", goesOn)},
		{Name: "a length that is negative", Serve: says(ok+"Content-Length: -1\r\n\r\n", goesOn)},
		{Name: "a length with a sign", Serve: says(ok+"Content-Length: +2\r\n\r\n{body:ok}", goesOn)},
		{Name: "a length in hex", Serve: says(ok+"Content-Length: 0x2\r\n\r\n{body:ok}", goesOn)},
		{Name: "a length of words", Serve: says(ok+"Content-Length: two\r\n\r\n{body:ok}", goesOn)},
		{Name: "a length that no int64 holds", Serve: says(ok+"Content-Length: 99999999999999999999\r\n\r\n{body:ok}", goesOn)},
		{Name: "the largest length", Serve: says(ok+"Content-Length: 9223372036854775807\r\n\r\n{body:ok}", closes)},
		{Name: "two lengths that agree", Serve: says(ok+"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{body:ok}", goesOn)},
		{Name: "two lengths that differ", Serve: says(ok+"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{body:ok}", goesOn)},
		{Name: "two lengths in one field", Serve: says(ok+"Content-Length: 2, 2\r\n\r\n{body:ok}", goesOn)},
		{Name: "a length and chunks", Serve: says(ok+"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{body:5\r\nwhole\r\n0\r\n\r\n}", goesOn)},
		{Name: "chunks and a length", Serve: says(ok+"Transfer-Encoding: chunked\r\nContent-Length: 200\r\n\r\n{body:5\r\nwhole\r\n0\r\n\r\n}", goesOn)},
		{Name: "two times chunked", Serve: says(ok+"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n{body:2\r\nok\r\n0\r\n\r\n}", goesOn)},
		{Name: "chunked, chunked", Serve: says(ok+"Transfer-Encoding: chunked, chunked\r\n\r\n{body:2\r\nok\r\n0\r\n\r\n}", goesOn)},
		{Name: "gzip, chunked", Serve: says(ok+"Transfer-Encoding: gzip, chunked\r\n\r\n{body:2\r\nok\r\n0\r\n\r\n}", goesOn)},
		{Name: "identity", Serve: says(ok+"Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\n{body:ok}", goesOn)},
		{Name: "an encoding that is odd", Serve: says(ok+"Transfer-Encoding: xchunked\r\n\r\n{body:2\r\nok\r\n0\r\n\r\n}", goesOn)},
		{Name: "CHUNKED", Serve: says(ok+"Transfer-Encoding: CHUNKED\r\n\r\n{body:2\r\nok\r\n0\r\n\r\n}", goesOn)},

		{Name: "closed within a chunk", Serve: says(chunked+"a\r\n012", closes)},
		{Name: "reset within a chunk", Serve: says(chunked+"a\r\n012", resets)},
		{Name: "closed between chunks", Serve: says(chunked+"2\r\nok\r\n", closes)},
		{Name: "closed within a chunk's length", Serve: says(chunked+"2\r\nok\r\n1", closes)},
		{Name: "closed behind the last chunk's length", Serve: says(chunked+"2\r\nok\r\n0\r\n", closes)},
		{Name: "closed within the trailers", Serve: says(chunked+"2\r\nok\r\n0\r\nX-S", closes)},
		{Name: "a chunk's length that is no hex", Serve: says(chunked+"xyz\r\nok\r\n", closes)},
		{Name: "a chunk without a length", Serve: says(chunked+"\r\nok\r\n", closes)},
		{Name: "a chunk's length that is negative", Serve: says(chunked+"-2\r\nok\r\n", closes)},
		{Name: "a chunk's length that is too large", Serve: says(chunked+"fffffffffffffffff\r\nok\r\n", closes)},
		{Name: "a chunk that is longer than was said", Serve: says(chunked+"2\r\nokay\r\n0\r\n\r\n", closes)},
		{Name: "a chunk's lines that end with LF", Serve: says(chunked+"{body:2\nok\n0\n\n}", closes)},
		{Name: "chunks with extensions", Serve: says(chunked+"{body:2;a=b;c\r\nok\r\n0;d\r\n\r\n}", goesOn)},
		{Name: "a chunk with an extension that is too large", Serve: says(chunked+"2;"+strings.Repeat("x", 8<<10)+"\r\nok\r\n0\r\n\r\n", closes)},
		{Name: "ten thousand chunks of a byte with extensions", Serve: says(chunked+strings.Repeat("1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx\r\n", 10000)+"0\r\n\r\n", closes)},

		{Name: "trailers", Serve: says(trailing+"{body:2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n}", goesOn)},
		{Name: "trailers that were not announced", Serve: says(chunked+"{body:2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n}", goesOn)},
		{Name: "trailers other than were announced", Serve: says(trailing+"{body:2\r\nok\r\n0\r\nX-Other: 1\r\n\r\n}", goesOn)},
		{Name: "trailers that do not come", Serve: says(trailing+"{body:2\r\nok\r\n0\r\n\r\n}", goesOn)},
		{Name: "a trailer that is a length", Serve: says(ok+"Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n{body:2\r\nok\r\n0\r\nContent-Length: 100\r\n\r\n}", goesOn)},
		{Name: "trailers that are announced of a body with a length", Serve: says(ok+"Trailer: X-Sum\r\nContent-Length: 2\r\n\r\n{body:ok}", goesOn)},
		{Name: "trailers without a colon", Serve: says(trailing+"2\r\nok\r\n0\r\nX-Sum\r\n\r\n", closes)},
		{Name: "trailers that are too large", Serve: says(trailing+"2\r\nok\r\n0\r\nX-Sum: "+strings.Repeat("x", 64<<10)+"\r\n\r\n", closes)},
		{Name: "trailers without an end", Endless: true, Serve: func(c *Conn) { c.Body(); c.Say(trailing + "2\r\nok\r\n0\r\n"); c.Endlessly("X-Sum: 1\r\n") }},
		{Name: "trailers that do not end in time", Deadline: hang, Serve: says(trailing+"2\r\nok\r\n0\r\nX-Sum: 1\r\n", waits)},

		{Name: "gzip", Serve: zipped(gz(1000), 0)},
		{Name: "gzip that nobody asked for", Serve: says(ok+"Content-Encoding: GZIP\r\nContent-Length: 2\r\n\r\n{body:ok}", goesOn)},
		{Name: "gzip that is none", Serve: zipped("this is no gzip at all", 0)},
		{Name: "gzip that is empty", Serve: zipped("", 0)},
		{Name: "gzip that is cut off within its header", Serve: zipped(gz(1000)[:5], 0)},
		{Name: "gzip that is cut off", Serve: zipped(gz(1000)[:20], 0)},
		{Name: "gzip without its end", Serve: zipped(gz(1000)[:len(gz(1000))-8], 0)},
		{Name: "gzip with a wrong sum", Serve: zipped(gz(1000)[:len(gz(1000))-8]+"wrongsum", 0)},
		{Name: "gzip with bytes behind it", Serve: zipped(gz(1000)+"extra", 0)},
		{Name: "gzip and gzip behind it", Serve: zipped(gz(1000)+gz(500), 0)},
		{Name: "gzip that the connection cuts off", Serve: zipped(gz(1000), 10)},
		{Name: "gzip of gzip", Serve: says(ok+"Content-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\n{body:ok}", goesOn)},
		{Name: "gzip in chunks, with trailers", Serve: says(ok+"Content-Encoding: gzip\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"+
			fmt.Sprintf("{body:%x\r\n%s\r\n0\r\nX-Sum: 1\r\n\r\n}", len(gz(1000)), gz(1000)), goesOn)},
		{Name: "a bomb of gzip", Serve: zipped(gz(2<<20), 0)},
		{Name: "deflate", Serve: says(ok+"Content-Encoding: deflate\r\nContent-Length: 2\r\n\r\n{body:ok}", goesOn)},
	}
}

// gz is n bytes in gzip, which are the same each.
func gz(n int) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(bytes.Repeat([]byte("x"), n))
	w.Close()
	return b.String()
}

// zipped is a server that says that its body is gzip, and of which the last bytes are
// missing.
func zipped(body string, missing int) func(*Conn) {
	return func(c *Conn) {
		c.Body()
		c.Say(fmt.Sprintf(ok+"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", len(body)))
		if !c.bodiless() {
			c.Conn.Write([]byte(body[:len(body)-missing]))
		}
		if missing > 0 {
			c.Close()
		}
	}
}
