package faultlist

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// Stack is a way to send requests: layers over a transport.
type Stack struct {
	Name string
	Over func(base *http.Transport) Layers
}

// Layers is a Stack over one transport.
type Layers struct {
	http.RoundTripper
	// Left says what has not ended though its exchanges have, all of so many; "" if
	// nothing. Nil for bare net/http.
	Left func(exchanges int) string
	// Owned says that connections and requests' bodies are the stack's own affair, and none
	// may be left. Else they are net/http's, which forgets some.
	Owned bool
	// End ends them. May be nil.
	End func()
}

// Bare is net/http alone.
var Bare = Stack{"bare", func(base *http.Transport) Layers { return Layers{RoundTripper: base} }}

// requests is how many a play has: the first and the third meet the fault.
const requests = 4

// patience is for a request that hangs though nothing should hold it up, and for what is
// to end behind the last one.
const patience = 10 * time.Second

// counted counts the exchanges.
type counted struct {
	http.RoundTripper
	n atomic.Int64
}

func (c *counted) RoundTrip(req *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.RoundTripper.RoundTrip(req)
}

func (c *counted) CloseIdleConnections() {
	c.RoundTripper.(interface{ CloseIdleConnections() }).CloseIdleConnections()
}

// play sends the requests, and says what became of each and what they have left behind.
func play(f *Fault, s Stack, m Method, e Ending) (outs [requests]string, left string) {
	srv, err := start(f)
	if err != nil {
		return outs, err.Error()
	}
	defer srv.close()
	base := srv.transport()
	layers := s.Over(base)
	if layers.End != nil {
		defer layers.End()
	}
	rt := &counted{RoundTripper: layers.RoundTripper}
	client := &http.Client{Transport: rt}
	var bodies atomic.Int64 // of requests, not closed
	for i := range outs {
		outs[i] = send(srv, client, m, e, i%2 == 0, &bodies)
		// The script comes to its end first, so that the next request meets what it has
		// left.
		eventually(func() bool { all, waiting := srv.open(); return all == waiting })
	}
	if layers.Left == nil { // bare net/http: what it leaves is its own affair
		client.CloseIdleConnections()
		return outs, ""
	}
	eventually(func() bool {
		client.CloseIdleConnections()
		left = ""
		if n := bodies.Load(); n != 0 && layers.Owned {
			left += fmt.Sprintf("%d bodies of requests are open; ", n)
		}
		if all, _ := srv.open(); all != 0 && layers.Owned {
			left += fmt.Sprintf("the server has %d connections; ", all)
		}
		left += layers.Left(int(rt.n.Load()))
		return left == ""
	})
	return outs, left
}

// send sends one request.
func send(srv *server, client *http.Client, m Method, e Ending, fault bool, bodies *atomic.Int64) string {
	d := patience
	if f := srv.fault; f.Deadline != 0 && (fault || f.Conn != nil || f.Hello != nil || f.Connect != nil || f.Dead) {
		d = srv.fault.Deadline
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	req, err := srv.fault.request(ctx, srv.url(), m, fault, bodies)
	if err != nil {
		return err.Error()
	}
	resp, err := client.Do(req)
	return outcome(resp, err, e, srv.fault.Chance != "")
}

// eventually waits until ok, for as long as patience.
func eventually(ok func() bool) {
	pause := 50 * time.Microsecond
	for deadline := time.Now().Add(patience); !ok() && time.Now().Before(deadline); pause = min(2*pause, 10*time.Millisecond) {
		time.Sleep(pause) // what the server and the kernel have done is told by no channel
	}
}
