package main

import (
	"io"
	"sync"
	"time"
)

// window is how much is under way in one direction before the sender has to
// wait, as in a TCP connection whose receiver's buffer has grown to 4 MiB: a
// byte takes half a round trip, and so would the word that it has arrived.
const window = 2 << 20

// wire is one direction of a connection. What is sent is received in order,
// each piece its delay later; pieces do not wait for one another.
type wire struct {
	delay time.Duration

	mu     sync.Mutex
	moved  sync.Cond // something was sent, received, ended or cut
	pieces []parcel  // under way
	bytes  int       // of pieces
	cutOff bool
}

type parcel struct {
	data []byte // nil: the end
	due  time.Time
}

func newWire(delay time.Duration) *wire {
	w := &wire{delay: delay}
	w.moved.L = &w.mu
	return w
}

// send puts b on its way, and reports whether anybody is there to receive it.
// It waits while the window is full. It keeps b.
func (w *wire) send(b []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.bytes >= window && !w.cutOff {
		w.moved.Wait()
	}
	w.put(b)
	return !w.cutOff
}

// end says that nothing more will be sent. That takes its time to arrive too.
func (w *wire) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.put(nil)
}

func (w *wire) put(b []byte) {
	w.pieces = append(w.pieces, parcel{b, time.Now().Add(w.delay)})
	w.bytes += len(b)
	w.moved.Broadcast()
}

// receive returns the next piece when it is due, and io.EOF after the last.
func (w *wire) receive() ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.pieces) == 0 {
		w.moved.Wait()
	}
	p := w.pieces[0]
	w.mu.Unlock()
	time.Sleep(time.Until(p.due))
	w.mu.Lock()
	w.pieces = w.pieces[1:]
	w.bytes -= len(p.data)
	w.moved.Broadcast()
	if p.data == nil {
		return nil, io.EOF
	}
	return p.data, nil
}

// cut says that nobody will receive any more.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cutOff = true
	w.moved.Broadcast()
}
