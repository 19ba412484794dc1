package pool_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/badserver"
)

// sender sends planned requests to a server.
type sender struct {
	url    string
	client *http.Client
	zips   sync.Pool    // *gzip.Writer
	bodies atomic.Int64 // of requests, not closed yet
	mixed  atomic.Pointer[string]
}

// send sends one request and returns the class of its outcome.
func (s *sender) send(p *plan) string {
	ctx, client := context.Background(), s.client
	cancel := context.CancelFunc(func() {})
	switch p.ending {
	case timesOut, patient:
		ctx, cancel = context.WithTimeout(ctx, p.after)
	case clientTime:
		limited := *client
		limited.Timeout = p.after
		client = &limited
	case cancels:
		ctx, cancel = context.WithCancel(ctx)
		defer time.AfterFunc(p.after, cancel).Stop()
	default:
		if !p.plain || p.ending == cancelsBody {
			ctx, cancel = context.WithCancel(ctx)
		}
	}
	defer cancel()
	resp, err := client.Do(s.request(ctx, p))
	if err != nil {
		return classOf(err, false, p.own())
	}
	err = s.read(resp, p, cancel)
	if err == nil && resp.StatusCode == http.StatusOK {
		return classOK
	}
	if err == nil {
		return fmt.Sprintf("ok %d", resp.StatusCode)
	}
	class := classOf(err, true, p.own())
	if strings.Contains(class, classMixed) {
		text := fmt.Sprintf("%v: %v", p, err)
		s.mixed.Store(&text)
	}
	return class
}

// request makes the planned request, with a body that counts its Close.
func (s *sender) request(ctx context.Context, p *plan) *http.Request {
	method, body := p.op, []byte(nil)
	if p.op == opPost || p.op == opPostOnce {
		method = http.MethodPost
		body = badserver.NewLabels(badserver.Client, p.id, p.upload).Bytes()
	}
	if p.gzip && p.upload > 0 {
		body = s.zip(body)
	}
	var upload io.Reader
	if p.op == opPost && p.upload > 0 {
		upload = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url, upload)
	if err != nil {
		panic(err)
	}
	if p.op == opPostOnce && p.upload > 0 {
		s.bodies.Add(1)
		req.Body = &onceBody{Reader: bytes.NewReader(body), open: &s.bodies}
		req.ContentLength = -1
		if p.sized {
			req.ContentLength = int64(len(body))
		}
	}
	if p.gzip {
		req.Header.Set(badserver.GzipHeader, "1")
	}
	if p.gzip && p.upload > 0 {
		req.Header.Set("Content-Encoding", "gzip")
	}
	req.Header.Set(badserver.IDHeader, strconv.FormatUint(p.id, 16))
	req.Header.Set(badserver.OpHeader, p.op)
	req.Header.Set(badserver.SizeHeader, strconv.FormatInt(p.size, 10))
	req.Header.Set(badserver.BodyHeader, strconv.FormatInt(p.upload, 10))
	return req
}

func (s *sender) zip(body []byte) []byte {
	w, ok := s.zips.Get().(*gzip.Writer)
	if !ok {
		w, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed)
	}
	defer s.zips.Put(w)
	var b bytes.Buffer
	w.Reset(&b)
	w.Write(body)
	w.Close()
	return b.Bytes()
}

// onceBody is a body that can't be read again. It counts its first Close.
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

// read reads as much of the response as the plan wants, and compares it with its labels.
func (s *sender) read(resp *http.Response, p *plan, cancel func()) error {
	defer resp.Body.Close()
	if got := resp.Header.Get(badserver.IDHeader); got != strconv.FormatUint(p.id, 16) {
		return fmt.Errorf("%w: response of %q", badserver.ErrMixed, got)
	}
	check := badserver.NewCheck(badserver.Answer, p.id)
	some := int64(p.part * float64(p.size))
	switch p.ending {
	case closesEarly:
		_, err := io.CopyN(check, resp.Body, some)
		return unless(err, p.op == opHead)
	case cancelsBody:
		if _, err := io.CopyN(check, resp.Body, some); err != nil {
			return unless(err, p.op == opHead)
		}
		cancel()
	}
	_, err := io.Copy(check, resp.Body)
	if err == nil && p.op != opHead && check.Size() != p.size {
		// net/http has returned EOF, so the body should be whole.
		return fmt.Errorf("%w: %d bytes of %d", badserver.ErrMixed, check.Size(), p.size)
	}
	return err
}

// unless drops an EOF if there is no body to read.
func unless(err error, noBody bool) error {
	if noBody && errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
