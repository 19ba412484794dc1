package faultlist

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Proto is what a server speaks.
type Proto string

// The protocols.
const (
	Plain Proto = ""    // HTTP/1.1
	TLS   Proto = "tls" // HTTP/1.1
	HTTP2 Proto = "h2"  // over TLS
)

// Fault is something that goes wrong.
type Fault struct {
	Name  string
	Proto Proto

	// Serve is what the server does with a request that is to meet the fault, whose header
	// it has read; H2 the same over HTTP/2, for a request that has come to its end, or with
	// Early whose header has.
	Serve func(*Conn)
	H2    func(*Stream)
	Early bool
	// NoWindow says that the server lets no more of each body come than HTTP/2 does at first.
	NoWindow bool
	// Conn is what it does with a connection, in the place of all else.
	Conn func(*Conn)
	// Connect is what it does with a CONNECT. Nil is a Tunnel.
	Connect func(*Conn)
	// Hello is what it says before all else, over HTTP/2. Nil is SETTINGS.
	Hello func(*Stream)
	// Once says that only the first request meets the fault, or the first connection.
	Once bool

	// URL is where requests go, if not to the server.
	URL string
	// Base changes the client's transport, and ServerTLS the server's TLS.
	Base      func(*http.Transport, *server)
	ServerTLS func(*tls.Config)
	// Upload is the size of requests' bodies. Zero means 1000.
	Upload int64
	// Deadline is that of the requests that meet the fault, and of all where it is a
	// connection's. Zero means none.
	Deadline time.Duration
	// Endless says that the body has no end, so that it can be closed only.
	Endless bool

	// Dead says that the connection is of no use behind the fault: the deadline is that of
	// all requests.
	Dead bool
	// Chance says why it is by chance, with bare net/http too, in which words a lost
	// connection is told, and how much of a body that fails has come. Empty where it is not.
	Chance string
	// Anywhere says that it is by chance, too, which of the requests has which outcome.
	Anywhere bool
	// Differs lists outcomes that stacks may have and bare net/http does not.
	Differs []Difference
}

// Difference is an outcome that differs from bare net/http's, with the reason why it may.
type Difference struct {
	Has string // a part of the outcome's text
	Why string
}

// Method is a kind of request.
type Method struct {
	Name, Verb  string
	Conditional bool // the response has status 304
	Sends       bool // the request has a body
	Once        bool // that can't be had again
}

// Bodiless reports whether its response has no body, and there is nothing to be left unread.
func (m Method) Bodiless() bool { return m.Conditional || m.Verb == http.MethodHead }

// Methods are all of them.
var Methods = []Method{
	{Name: "GET", Verb: http.MethodGet},
	{Name: "POST", Verb: http.MethodPost, Sends: true},
	{Name: "POST once", Verb: http.MethodPost, Sends: true, Once: true},
	{Name: "HEAD", Verb: http.MethodHead},
	{Name: "304", Verb: http.MethodGet, Conditional: true},
}

// Ending is what the caller does with the body of a response.
type Ending string

// The endings.
const (
	Reads  Ending = "read"  // to the end, then closes it
	Closes Ending = "close" // unread
)

const (
	faultPath = "/fault"
	goodPath  = "/good"
)

// request makes one. Open counts the bodies that are not closed.
func (f *Fault) request(ctx context.Context, url string, m Method, fault bool, open *atomic.Int64) (*http.Request, error) {
	path := goodPath
	if fault {
		path = faultPath
	}
	var body io.Reader
	if m.Sends {
		n := f.Upload
		if n == 0 || !fault {
			n = 1000
		}
		body = bytes.NewReader(make([]byte, n))
		if m.Once {
			open.Add(1)
			body = &onceBody{Reader: body, open: open}
		}
	}
	req, err := http.NewRequestWithContext(ctx, m.Verb, url+path, body)
	if err != nil {
		return nil, err
	}
	if m.Conditional {
		req.Header.Set("If-None-Match", `"x"`)
	}
	if f.Proto == HTTP2 {
		req.Header.Set("Pad", padOf(kindOf(m, fault)))
	}
	return req, nil
}

// onceBody is a request's body that is read once.
type onceBody struct {
	io.Reader
	open   *atomic.Int64
	closed atomic.Bool
}

func (b *onceBody) Close() error {
	if b.closed.CompareAndSwap(false, true) {
		b.open.Add(-1)
	}
	return nil
}
