package badserver

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// The headers that a client sets. The ID comes back in the response.
const (
	IDHeader   = "Bad-Id"   // ten hex digits at most
	OpHeader   = "Bad-Op"   // the operation, by which Twice counts
	SizeHeader = "Bad-Size" // of the response's body
	BodyHeader = "Bad-Body" // size of the request's body
)

// exchange is a request that is to be answered, or not.
type exchange struct {
	http.ResponseWriter
	r      *http.Request
	server *Server
	conn   *conn
	nth    int64 // its number on the connection, from 1
	id     uint64
	size   int64      // of the response's body
	dice   *rand.Rand // by the seed, the ID and how often it came
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	id, err1 := strconv.ParseUint(r.Header.Get(IDHeader), 16, 40)
	size, err2 := strconv.ParseInt(r.Header.Get(SizeHeader), 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		s.report(r, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c := r.Context().Value(connKey{}).(*conn)
	attempt := s.came(id, r.Header.Get(OpHeader))
	e := &exchange{
		ResponseWriter: w, r: r, server: s, conn: c, nth: c.uses.Add(1), id: id, size: size,
		dice: rand.New(rand.NewPCG(s.seed, id<<8|uint64(attempt))),
	}
	end := e.compresses()
	if s.fault.serve == nil {
		e.answer()
	} else {
		s.fault.serve(e)
	}
	end()
}

// came counts a request, and returns how often it came before.
func (s *Server) came(id uint64, op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.seen[id]
	s.seen[id] = n + 1
	if n == 1 {
		s.twice[op]++
	}
	return n
}

func (s *Server) report(r *http.Request, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf("%s %s: %v", r.Method, r.Header.Get(IDHeader), err))
}

// upload reads the request's body and compares it with its labels; false if it
// did not come to its end.
func (e *exchange) upload() bool {
	body, done, err := e.plain()
	check := NewCheck(Client, e.id)
	if err == nil {
		_, err = io.Copy(check, body)
		done()
	}
	if errors.Is(err, ErrMixed) || Garbled(err) {
		e.server.report(e.r, err)
	}
	if err != nil {
		return false
	}
	if want := e.r.Header.Get(BodyHeader); want != strconv.FormatInt(check.Size(), 10) {
		e.server.report(e.r, fmt.Errorf("%d bytes of %s", check.Size(), want))
	}
	return true
}

// answer answers as a good server does.
func (e *exchange) answer() {
	if e.upload() {
		e.respond(http.StatusOK, e.size)
	}
}

// respond writes a whole header, with a length or chunked, and the first bytes
// of the body.
func (e *exchange) respond(status int, bytes int64) {
	e.begin(status)
	e.write(0, bytes)
}

func (e *exchange) begin(status int) {
	e.Header().Set(IDHeader, e.r.Header.Get(IDHeader))
	if e.dice.IntN(3) > 0 && e.Header().Get("Content-Encoding") == "" {
		e.Header().Set("Content-Length", strconv.FormatInt(e.size, 10))
	}
	e.WriteHeader(status)
}

// write writes the body from one byte to another.
func (e *exchange) write(from, to int64) {
	if e.r.Method != http.MethodHead && to > from {
		io.Copy(e.ResponseWriter, &Labels{side: Answer, id: e.id, at: from, end: to})
	}
}

// part returns a place in the body, neither its start nor its end if there is one between.
func (e *exchange) part() int64 {
	if e.size < 2 {
		return 0
	}
	return 1 + e.dice.Int64N(e.size-1)
}

func (e *exchange) flush() { http.NewResponseController(e.ResponseWriter).Flush() }

// abort breaks the response off: net/http closes the connection, or the stream.
func (e *exchange) abort() { panic(http.ErrAbortHandler) }

// pause waits, but not after the client or the server has gone.
func (e *exchange) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-e.r.Context().Done():
	case <-e.server.done:
	}
}
