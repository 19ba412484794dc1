package main

import (
	"io"
	"testing"
	"testing/synctest"
	"time"
)

func TestPiecesArriveHalfARoundTripLaterWithoutWaitingForOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		began := time.Now()
		go func() {
			w.send([]byte("a"))
			w.send([]byte("b"))
			time.Sleep(3 * time.Millisecond)
			w.send([]byte("c"))
			w.end()
		}()
		for _, want := range []struct {
			piece string
			after time.Duration
		}{{"a", 10 * time.Millisecond}, {"b", 10 * time.Millisecond}, {"c", 13 * time.Millisecond}} {
			b, err := w.receive()
			if err != nil || string(b) != want.piece || time.Since(began) != want.after {
				t.Errorf("%q, %v after %v; want %q after %v", b, err, time.Since(began), want.piece, want.after)
			}
		}
		if _, err := w.receive(); err != io.EOF {
			t.Errorf("%v at the end, want EOF", err)
		}
	})
}

func TestFullWindowHoldsTheSenderBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(10 * time.Millisecond)
		began := time.Now()
		sent := make(chan time.Duration)
		go func() {
			for range 2 * window / piece {
				w.send(make([]byte, piece))
			}
			sent <- time.Since(began)
			w.end()
		}()
		received := make(chan int)
		go func() {
			n := 0
			for {
				b, err := w.receive()
				if err != nil {
					received <- n
					return
				}
				n += len(b)
			}
		}()
		if got := <-sent; got != 10*time.Millisecond {
			t.Errorf("two windows were sent after %v, want 10ms", got)
		}
		if got := <-received; got != 2*window {
			t.Errorf("%d bytes arrived, want %d", got, 2*window)
		}
	})
}

func TestSenderLearnsThatNobodyReceives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(time.Hour)
		done := make(chan bool)
		go func() {
			for w.send(make([]byte, piece)) {
			}
			done <- true
		}()
		synctest.Wait() // the window is full
		w.cut()
		<-done
	})
}
