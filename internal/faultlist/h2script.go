package faultlist

import (
	"encoding/binary"
	"io"
	"net/http"
	"strings"
)

// The frames and flags of HTTP/2 that scripts write.
const (
	fData         = 0
	fHeaders      = 1
	fPriority     = 2
	fReset        = 3
	fSettings     = 4
	fPushPromise  = 5
	fPing         = 6
	fGoAway       = 7
	fWindowUpdate = 8
	fContinuation = 9

	endStream  = 1
	ack        = 1
	endHeaders = 4
	padded     = 8
)

// Stream is a request over HTTP/2 that is to be answered, and its connection: a server by
// hand, for what no library would send.
type Stream struct {
	*Conn
	ID   uint32
	kind kind
}

// kind is what a request is, told without reading its header fields: by the length of one
// that is too long for any table of HPACK's.
type kind int

const (
	isHead kind = 1 << iota
	isConditional
	meetsFault
)

const (
	padStep  = 1000
	padLeast = 5000 // more than HPACK's tables keep, so that it is written each time
)

// padOf is the value of the header field Pad, which tells the kind. Huffman's code would
// make these characters longer, so they are written as they are.
func padOf(k kind) string { return strings.Repeat("~", padLeast+int(k)*padStep) }

// serve answers requests, as they come to their end, until there are no more.
func (c *Stream) serve() {
	f := c.wire.s.fault
	if _, err := io.CopyN(io.Discard, c.r, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
		return
	}
	if f.Hello != nil && (!f.Once || c.N == 1) {
		f.Hello(c)
	} else {
		c.Frame(fSettings, 0, 0, nil)
	}
	kinds := make(map[uint32]kind)
	for !c.over {
		h, payload, err := c.next()
		if err != nil {
			return
		}
		id := binary.BigEndian.Uint32(h[5:])
		switch h[3] {
		case fSettings:
			if h[4]&ack == 0 {
				c.Frame(fSettings, ack, 0, nil)
			}
		case fPing:
			if h[4]&ack == 0 {
				c.Frame(fPing, ack, 0, payload)
			}
		case fHeaders:
			kinds[id] = kind((len(payload) - padLeast) / padStep)
		case fData:
			if n := uint32(len(payload)); n > 0 {
				c.Frame(fWindowUpdate, 0, 0, u32(n))
				if !f.NoWindow {
					c.Frame(fWindowUpdate, 0, id, u32(n))
				}
			}
		case fReset:
			delete(kinds, id)
			continue
		default:
			continue
		}
		k, ok := kinds[id]
		if !ok || h[3] > fHeaders || h[4]&endStream == 0 && !(f.Early && k&meetsFault != 0) {
			continue
		}
		delete(kinds, id)
		c.ID, c.kind = id, k
		if k&meetsFault != 0 && f.H2 != nil && c.wire.s.meets() {
			f.H2(c)
		} else {
			c.Good()
		}
	}
}

// next reads a frame.
func (c *Stream) next() (header [9]byte, payload []byte, err error) {
	if _, err = io.ReadFull(c.r, header[:]); err != nil {
		return header, nil, err
	}
	payload = make([]byte, binary.BigEndian.Uint32(header[:])>>8)
	_, err = io.ReadFull(c.r, payload)
	return header, payload, err
}

// Frame writes a frame.
func (c *Stream) Frame(kind, flags byte, stream uint32, payload []byte) {
	c.Conn.Write(frame(kind, flags, stream, payload))
}

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := make([]byte, 9, 9+len(payload))
	binary.BigEndian.PutUint32(b, uint32(len(payload))<<8)
	b[3], b[4] = kind, flags
	binary.BigEndian.PutUint32(b[5:], stream)
	return append(b, payload...)
}

// Good answers as it should be.
func (c *Stream) Good() {
	if c.bodiless() {
		c.Head(endStream, "content-length", "5")
		return
	}
	c.Head(0, "content-length", "5")
	c.Data(endStream, "good\n")
}

func (c *Stream) bodiless() bool { return c.kind&(isHead|isConditional) != 0 }

// Head writes the response's header: the status, and names and values.
func (c *Stream) Head(flags byte, fields ...string) {
	status := "200"
	if c.kind&isConditional != 0 {
		status = "304"
	}
	c.Frame(fHeaders, flags|endHeaders, c.ID, block(append([]string{":status", status}, fields...)...))
}

// Data writes a piece of the body.
func (c *Stream) Data(flags byte, text string) { c.Frame(fData, flags, c.ID, []byte(text)) }

// Rest writes the end of the body, if it is one that has any.
func (c *Stream) Rest(text string) {
	if !c.bodiless() {
		c.Data(endStream, text)
	}
}

// Opened writes the header of a response of n bytes; where it has no body that is all, and
// Opened is false.
func (c *Stream) Opened(fields ...string) bool {
	if c.bodiless() {
		c.Head(endStream, fields...)
		return false
	}
	c.Head(0, fields...)
	return true
}

// Cancel resets the stream.
func (c *Stream) Cancel(code uint32) { c.Frame(fReset, 0, c.ID, u32(code)) }

// GoAway says which stream is the last one.
func (c *Stream) GoAway(last, code uint32) { c.Frame(fGoAway, 0, 0, u32(last, code)) }

// Settings writes settings: identifiers and values.
func (c *Stream) Settings(pairs ...uint32) {
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		b = binary.BigEndian.AppendUint16(b, uint16(pairs[i]))
		b = binary.BigEndian.AppendUint32(b, pairs[i+1])
	}
	c.Frame(fSettings, 0, 0, b)
}

// block is header fields in HPACK, each literally and in no table.
func block(fields ...string) (b []byte) {
	for i, s := range fields {
		if i%2 == 0 {
			b = append(b, 0)
		}
		b = append(hpackInt(b, len(s)), s...)
	}
	return b
}

// hpackInt appends a length with a prefix of seven bits.
func hpackInt(b []byte, n int) []byte {
	if n < 127 {
		return append(b, byte(n))
	}
	b, n = append(b, 127), n-127
	for ; n >= 128; n >>= 7 {
		b = append(b, byte(n)|128)
	}
	return append(b, byte(n))
}

func u32(all ...uint32) (b []byte) {
	for _, n := range all {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

// kindOf is what serve is to be told of a request.
func kindOf(m Method, fault bool) (k kind) {
	if m.Name == http.MethodHead {
		k |= isHead
	}
	if m.Conditional {
		k |= isConditional
	}
	if fault {
		k |= meetsFault
	}
	return k
}
