package main

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/warmconn/warmconn/roundtripper"
)

// A conf is how a server is set up; its files are templates over it.
type conf struct {
	Dir, Cert, Key string
	Port           int
	Origin         string        // address of the server behind it
	TLS            bool          // with HTTP/1.1, unless H2 is set as well
	H2             bool          // over TLS
	Streams        int           // at once on an HTTP/2 connection
	Requests       int           // after which a connection is closed; 0: after very many
	Idle           time.Duration // after which an idle connection is closed; 0: after a minute
	Close          bool          // after each response
	Behind         bool          // the server's clients are a proxy's: its log names their connections by numbers
}

// Root says whether the server is started by root: then it wants a user to serve as.
func (c *conf) Root() bool { return os.Geteuid() == 0 }

func (c *conf) OriginHost() string { return c.Origin[:strings.LastIndexByte(c.Origin, ':')] }
func (c *conf) OriginPort() string { return c.Origin[strings.LastIndexByte(c.Origin, ':')+1:] }

// MaxRequests and IdleMS are for templates of servers that need a figure.
func (c *conf) MaxRequests() int {
	if c.Requests > 0 {
		return c.Requests
	}
	return 10_000_000
}

// IdleSeconds is IdleMS for servers that have it in whole seconds.
func (c *conf) IdleSeconds() int64 { return max(c.IdleMS()/1000, 1) }

func (c *conf) IdleMS() int64 {
	if c.Idle > 0 {
		return c.Idle.Milliseconds()
	}
	return 60_000
}

// A situation is what a server is set up to do to its connections, and what
// that permits.
type situation struct {
	name    string
	conf    conf
	kinds   []kind // of requests, in turns
	workers int
	burst   bool // all workers at once, and then as long a pause as the server's idle time
	trouble trouble
	loses   int                      // so many lines of its log a server may lose by each trouble
	permits []roundtripper.NewReason // for a new connection, besides those of any situation
}

// trouble is what is done to the server again and again, under load.
type trouble int

const (
	none trouble = iota
	reload
	kill
)

// A kind of request, and what is done with the response's body.
type kind struct {
	method, path string
	body         []byte
	reads        int // bytes, then it is closed; -1: all
}

const (
	smallSize = 1 << 10
	largeSize = 200 << 10
)

// usual is sent in all situations: bodies that are read, and early closes.
var usual = []kind{
	{method: http.MethodGet, path: "/small", reads: -1},
	{method: http.MethodGet, path: "/small", reads: -1},
	{method: http.MethodPost, path: "/small", body: bytes.Repeat([]byte("x"), 1<<10), reads: -1},
	{method: http.MethodGet, path: "/small"},
	{method: http.MethodGet, path: "/large", reads: largeSize / 2},
	{method: http.MethodGet, path: "/large", reads: -1},
	{method: http.MethodHead, path: "/small", reads: -1},
	{method: http.MethodGet, path: "/large"},
}

// anywhere are the reasons that any situation permits: the client's own. The pool
// lets connections go for idle_timeout that a host has not needed for a while.
var anywhere = []roundtripper.NewReason{
	roundtripper.ReasonFirst, roundtripper.ReasonAllBusy, roundtripper.ReasonBodyUnread, roundtripper.ReasonDraining,
	roundtripper.ReasonIdleLimit, roundtripper.ReasonIdleTimeout, roundtripper.ReasonEarlyResponse, roundtripper.ReasonUnknown,
}

// situation makes that of a name: of the list below, with -tls or -h2 behind it
// where it isn't plain http.
func (software *software) situation(name string) situation {
	base, proto, _ := strings.Cut(name, "-")
	s := situation{name: name, kinds: usual, workers: 8}
	s.conf.TLS, s.conf.H2 = proto != "", proto == "h2"
	if s.conf.H2 {
		// TLS may hide the GOAWAY that comes before the end.
		s.permits = append(s.permits, roundtripper.ReasonGoAway, roundtripper.ReasonServerClosedIdle)
	}
	permit := func(r ...roundtripper.NewReason) { s.permits = append(s.permits, r...) }
	switch base {
	case "requests": // keepalive_requests
		s.conf.Requests = 20
		permit(roundtripper.ReasonServerClose)
	case "timeout": // keepalive_timeout, at the very moment
		s.conf.Idle, s.burst, s.workers = 100*time.Millisecond, true, 32
		if software.idle > 0 {
			s.conf.Idle, s.workers = software.idle, 96
		}
		permit(roundtripper.ReasonServerClosedIdle, roundtripper.ReasonConnError)
	case "close": // Connection: close
		s.conf.Close = true
		permit(roundtripper.ReasonServerClose)
	case "reload": // graceful, over and over
		s.trouble, s.loses = reload, software.loses
		permit(roundtripper.ReasonServerClose, roundtripper.ReasonServerClosedIdle, roundtripper.ReasonConnError)
	case "kill": // of the process that serves, or one of them
		s.trouble, s.loses = kill, s.workers // the process can't write what it was about to
		permit(roundtripper.ReasonServerClosedIdle, roundtripper.ReasonConnError)
	case "streams": // fewer than workers
		s.conf.Streams = 2
	case "die": // of the upstream, before its response
		s.kinds = append([]kind{{method: http.MethodGet, path: "/die", reads: -1}, {method: http.MethodPost, path: "/die", body: []byte("x"), reads: -1}}, usual...)
		permit(roundtripper.ReasonConnError, roundtripper.ReasonServerClose, roundtripper.ReasonServerClosedIdle)
	case "upstream": // dies before its response, and amid it
		s.kinds = append(append([]kind{
			{method: http.MethodGet, path: "/die", reads: -1},
			{method: http.MethodGet, path: "/cut", reads: -1},
			{method: http.MethodPost, path: "/die", body: []byte("x"), reads: -1},
		}, usual...), usual...)
		permit(roundtripper.ReasonConnError, roundtripper.ReasonServerClose, roundtripper.ReasonServerClosedIdle)
	case "413": // before the request's body has come
		s.kinds = append([]kind{
			{method: http.MethodPost, path: "/refuse", body: bytes.Repeat([]byte("x"), 256<<10), reads: -1},
			{method: http.MethodPost, path: "/refuse", body: bytes.Repeat([]byte("x"), 16<<10), reads: -1},
		}, usual...)
		permit(roundtripper.ReasonServerClose, roundtripper.ReasonConnError)
	}
	return s
}
