package badserver_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/badserver"
	"github.com/warmconn/warmconn/internal/eventually"
)

// client sends one request after the other.
type client struct {
	*http.Client
	server *badserver.Server
	next   uint64
}

func start(t *testing.T, f badserver.Fault) *client {
	t.Helper()
	s, err := badserver.Start(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	transport := s.Transport(8)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
		eventually.True(t, "no connection to be left", func() bool { return s.Open() == 0 })
		if wrong := s.Wrong(); len(wrong) > 0 {
			t.Error(wrong)
		}
	})
	return &client{Client: &http.Client{Transport: transport}, server: s}
}

func (c *client) request(t *testing.T, id uint64, upload, size int64) *http.Request {
	t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if upload > 0 {
		method, body = http.MethodPost, bytes.NewReader(badserver.NewLabels(badserver.Client, id, upload).Bytes())
	}
	req, err := http.NewRequest(method, c.server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(badserver.IDHeader, strconv.FormatUint(id, 16))
	req.Header.Set(badserver.OpHeader, method)
	req.Header.Set(badserver.BodyHeader, strconv.FormatInt(upload, 10))
	req.Header.Set(badserver.SizeHeader, strconv.FormatInt(size, 10))
	return req
}

// do sends a request, reads its answer and checks it.
func (c *client) do(t *testing.T, upload, size int64) (status int, err error) {
	t.Helper()
	c.next++
	resp, err := c.Do(c.request(t, c.next, upload, size))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	check := badserver.NewCheck(badserver.Answer, c.next)
	if _, err = io.Copy(check, resp.Body); err == nil && check.Size() != size {
		err = fmt.Errorf("%d bytes of %d", check.Size(), size)
	}
	return resp.StatusCode, err
}

// errorsOf sends n requests and counts how they fail.
func (c *client) errorsOf(t *testing.T, n int, upload, size int64) map[string]int {
	t.Helper()
	failed := make(map[string]int)
	for range n {
		if _, err := c.do(t, upload, size); errors.Is(err, badserver.ErrMixed) {
			t.Fatal(err)
		} else if err != nil {
			text := err.Error()
			failed[text[strings.LastIndexByte(text, ':')+1:]]++
		}
	}
	return failed
}

func TestGoodServersAnswerOnOneConnection(t *testing.T) {
	for _, p := range []badserver.Proto{badserver.Plain, badserver.TLS, badserver.HTTP2} {
		c := start(t, badserver.Good(p))
		if failed := c.errorsOf(t, 50, 100, 5000); len(failed) > 0 || c.server.Accepted() != 1 {
			t.Errorf("%s: %v failed, %d connections", p, failed, c.server.Accepted())
		}
	}
}

func TestIdleCloseFailsPostsAtTheMomentOfUse(t *testing.T) {
	for _, p := range []badserver.Proto{badserver.Plain, badserver.TLS, badserver.HTTP2} {
		c := start(t, badserver.IdleClose(p, time.Millisecond))
		if failed := c.errorsOf(t, 300, 100, 10); len(failed) == 0 || c.server.Accepted() < 10 {
			t.Errorf("%s: %v failed, %d connections", p, failed, c.server.Accepted())
		}
		if n := c.server.Twice(http.MethodPost); n > 0 {
			t.Errorf("%s: %d handled twice", p, n)
		}
	}
}

func TestResetResets(t *testing.T) {
	for _, p := range []badserver.Proto{badserver.Plain, badserver.TLS, badserver.HTTP2} {
		c := start(t, badserver.Reset(p, 4))
		failed := c.errorsOf(t, 80, 100, 5000)
		if failed[" connection reset by peer"] < 10 {
			t.Errorf("%s: %v failed", p, failed)
		}
	}
}

func TestCloseAfterClosesAfterNRequests(t *testing.T) {
	for _, says := range []bool{true, false} {
		c := start(t, badserver.CloseAfter(badserver.Plain, 5, says))
		for range 50 {
			// The client has to notice, where it is not told.
			closed := c.server.Accepted()*5 == int(c.next)
			if closed {
				eventually.True(t, "the connection to be closed", func() bool { return c.server.Open() == 0 })
			}
			if _, err := c.do(t, 0, 10); err != nil {
				t.Errorf("says %v: %v", says, err)
			}
		}
		if n := c.server.Accepted(); n != 10 {
			t.Errorf("says %v: 50 requests had %d connections, want 10", says, n)
		}
	}
}

func TestGoAwayEndsConnections(t *testing.T) {
	c := start(t, badserver.GoAway(5))
	c.errorsOf(t, 50, 0, 10)
	if n := c.server.Accepted(); n < 5 {
		t.Errorf("50 requests had %d connections, want at least 5", n)
	}
}

func TestOneStreamMakesAConnectionForEachRequestInFlight(t *testing.T) {
	c := start(t, badserver.OneStream())
	if _, err := c.do(t, 0, 10); err != nil { // the limit is known from then on
		t.Fatal(err)
	}
	for id := range uint64(4) {
		// Too large to be buffered: the stream stays open.
		resp, err := c.Do(c.request(t, 100+id, 0, 8<<20))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
	}
	if n := c.server.Open(); n != 4 {
		t.Errorf("4 requests in flight have %d connections, want 4", n)
	}
}

func TestIdleTimeoutClosesConnections(t *testing.T) {
	t.Parallel() // the server takes a second to hang up
	c := start(t, badserver.IdleTimeout(time.Millisecond))
	if _, err := c.do(t, 0, 10); err != nil {
		t.Fatal(err)
	}
	eventually.True(t, "the connection to be closed", func() bool { return c.server.Open() == 0 })
}

func TestEarlyAnswersBeforeTheBody(t *testing.T) {
	for _, f := range []badserver.Fault{badserver.Early(badserver.Plain, true), badserver.Early(badserver.HTTP2, true)} {
		c := start(t, f)
		early := 0
		for range 50 {
			status, err := c.do(t, 10_000, 10)
			if err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
			if status == http.StatusRequestEntityTooLarge {
				early++
			}
		}
		if early < 10 || early > 40 {
			t.Errorf("%s: %d of 50 had an early answer", f.Name, early)
		}
	}
	c := start(t, badserver.Early(badserver.Plain, false))
	if failed := c.errorsOf(t, 50, 1<<20, 10); len(failed) == 0 {
		t.Error("no upload failed where the server closes at once")
	}
}

func TestTruncateBreaksBodiesOff(t *testing.T) {
	c := start(t, badserver.Truncate(badserver.Plain, 4))
	if failed := c.errorsOf(t, 100, 0, 10_000); failed["unexpected EOF"] < 10 {
		t.Errorf("HTTP/1: %v failed", failed)
	}
	c = start(t, badserver.Truncate(badserver.HTTP2, 4))
	if failed := c.errorsOf(t, 100, 0, 10_000); len(failed) == 0 {
		t.Error("HTTP/2: none failed")
	}
}

func TestSlowIsSlowerThanAClientWaits(t *testing.T) {
	c := start(t, badserver.Slow(badserver.Plain, time.Minute))
	c.Timeout = 5 * time.Millisecond
	if failed := c.errorsOf(t, 50, 0, 1000); len(failed) == 0 {
		t.Error("no request timed out")
	}
}

func TestServersWithOneSeedTreatARequestAlike(t *testing.T) {
	outcomes := func() (s string) {
		c := start(t, badserver.Truncate(badserver.Plain, 2))
		for range 100 {
			_, err := c.do(t, 0, 100)
			s += strconv.FormatBool(err == nil) + " "
		}
		return s
	}
	if a, b := outcomes(), outcomes(); a != b {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestLabelsFindBytesOfAnotherBodyOrPlace(t *testing.T) {
	own := badserver.NewLabels(badserver.Answer, 7, 1000).Bytes()
	write := func(b []byte) error {
		_, err := badserver.NewCheck(badserver.Answer, 7).Write(b)
		return err
	}
	if err := write(own); err != nil {
		t.Error(err)
	}
	other := badserver.NewLabels(badserver.Answer, 8, 1000).Bytes()
	for name, b := range map[string][]byte{
		"another body":     other,
		"the request's":    badserver.NewLabels(badserver.Client, 7, 1000).Bytes(),
		"a tail of others": append(own[:160:160], other[160:]...),
		"a piece missing":  append(own[:160:160], own[176:]...),
		"a piece twice":    append(own[:160:160], own[144:]...),
	} {
		if err := write(b); !errors.Is(err, badserver.ErrMixed) {
			t.Errorf("%s: %v, want ErrMixed", name, err)
		}
	}
}

func TestTheServerFindsAnotherRequestsBody(t *testing.T) {
	s, err := badserver.Start(badserver.Good(badserver.Plain), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := &client{Client: &http.Client{Transport: s.Transport(1)}, server: s}
	defer c.CloseIdleConnections()
	req := c.request(t, 1, 100, 0)
	req.Header.Set(badserver.IDHeader, "2")
	if resp, err := c.Do(req); err == nil {
		resp.Body.Close()
	}
	if wrong := s.Wrong(); len(wrong) != 1 {
		t.Errorf("%q, want one", wrong)
	}
}

func TestTheServerCountsRequestsThatCameAgain(t *testing.T) {
	c := start(t, badserver.Good(badserver.Plain))
	for _, id := range []uint64{1, 2, 2, 2, 3} {
		resp, err := c.Do(c.request(t, id, 100, 0))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if n := c.server.Twice(http.MethodPost); n != 1 {
		t.Errorf("%d requests came again, want 1", n)
	}
	if n := c.server.Twice(http.MethodGet); n != 0 {
		t.Errorf("%d requests of another operation came again, want 0", n)
	}
}
