package badserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// blockSize is the number of bytes of a label.
const blockSize = 16

// Side tells the client's bytes from the server's, so that an echo is no answer.
type Side byte

// The sides.
const (
	Client Side = 'q'
	Answer Side = 'a'
)

// block is the n-th label of a body: the side, the ID in ten hex digits, and the
// place in the body, so that a piece that is missing or comes twice is found too.
func block(b *[blockSize]byte, side Side, id uint64, n int64) {
	const hex = "0123456789abcdef"
	b[0] = byte(side)
	for i := 10; i >= 1; i-- {
		b[i] = hex[id&15]
		id >>= 4
	}
	for i := 14; i >= 11; i-- {
		b[i] = hex[n&15]
		n >>= 4
	}
	b[15] = '\n'
}

// Labels is a body of labels to read.
type Labels struct {
	side    Side
	id      uint64
	at, end int64
}

// NewLabels returns a body of size bytes.
func NewLabels(side Side, id uint64, size int64) *Labels {
	return &Labels{side: side, id: id, end: size}
}

// Read implements io.Reader.
func (l *Labels) Read(p []byte) (n int, err error) {
	if l.at == l.end {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), l.end-l.at)]
	var b [blockSize]byte
	for n < len(p) {
		block(&b, l.side, l.id, l.at/blockSize)
		m := copy(p[n:], b[l.at%blockSize:])
		n += m
		l.at += int64(m)
	}
	return n, nil
}

// pieceSize is how much is copied at a time: most bodies are small, and io.Copy would make
// a buffer of 32 KiB for each.
const pieceSize = 4096

// WriteTo implements io.WriterTo.
func (l *Labels) WriteTo(w io.Writer) (sum int64, err error) {
	p := make([]byte, min(pieceSize, l.end-l.at))
	for l.at < l.end {
		n, _ := l.Read(p)
		n, err = w.Write(p[:n])
		sum += int64(n)
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// Bytes returns the rest of the body.
func (l *Labels) Bytes() []byte {
	b := make([]byte, l.end-l.at)
	l.Read(b)
	return b
}

// ErrMixed is the error for bytes that are not the body's own.
var ErrMixed = errors.New("badserver: bytes of another body")

// Check is a writer that compares the written bytes with the labels of one body.
type Check struct {
	side Side
	id   uint64
	at   int64
}

// NewCheck returns a Check from the start of a body.
func NewCheck(side Side, id uint64) *Check { return &Check{side: side, id: id} }

// Size returns how many bytes were written so far.
func (c *Check) Size() int64 { return c.at }

// ReadFrom implements io.ReaderFrom.
func (c *Check) ReadFrom(r io.Reader) (sum int64, err error) {
	p := make([]byte, pieceSize)
	for {
		n, err := r.Read(p)
		sum += int64(n)
		if _, wrong := c.Write(p[:n]); wrong != nil {
			return sum, wrong
		}
		if err == io.EOF {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}

// Write implements io.Writer; its error is ErrMixed.
func (c *Check) Write(p []byte) (n int, err error) {
	var b [blockSize]byte
	for n < len(p) {
		block(&b, c.side, c.id, c.at/blockSize)
		want := b[c.at%blockSize:]
		got := p[n:min(n+len(want), len(p))]
		if !bytes.Equal(got, want[:len(got)]) {
			return n, fmt.Errorf("%w: %q at %d, want %q", ErrMixed, got, c.at, want[:len(got)])
		}
		n += len(got)
		c.at += int64(len(got))
	}
	return n, nil
}
