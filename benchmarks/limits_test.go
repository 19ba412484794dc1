package benchmarks

import (
	"io"
	"net/http"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// limit is how a base is limited to slots requests at once.
type limit struct {
	name string
	wrap func(base http.RoundTripper, slots int) http.RoundTripper
}

// overStub are limits of any base: none, a semaphore, the record that all of the
// kit's layers share, and the pool, which has that record too.
var overStub = []limit{
	{"none", func(base http.RoundTripper, _ int) http.RoundTripper { return base }},
	{"semaphore", func(base http.RoundTripper, slots int) http.RoundTripper {
		return &limited{base, semaphore.NewWeighted(int64(slots))}
	}},
	{"observe", func(base http.RoundTripper, _ int) http.RoundTripper {
		return roundtripper.Observe(roundtripper.Observer{})(base)
	}},
	{"pool", func(base http.RoundTripper, slots int) http.RoundTripper {
		return pool.New(pool.Options{MaxPerHost: slots}).Middleware(base)
	}},
}

// overTransport are limits of an *http.Transport.
var overTransport = []limit{
	overStub[0],
	{"MaxConnsPerHost", func(base http.RoundTripper, slots int) http.RoundTripper {
		t := base.(*http.Transport)
		t.MaxConnsPerHost = slots
		return t
	}},
	overStub[1],
	overStub[3],
}

// limited is the simplest RoundTripper that holds a slot until the body is
// closed: one semaphore for all hosts, no wait limit, nothing counted.
type limited struct {
	base http.RoundTripper
	sem  *semaphore.Weighted
}

func (l *limited) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := l.sem.Acquire(req.Context(), 1); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	resp, err := l.base.RoundTrip(req)
	if err != nil {
		l.sem.Release(1)
		return nil, err
	}
	resp.Body = &limitedBody{ReadCloser: resp.Body, sem: l.sem}
	return resp, nil
}

type limitedBody struct {
	io.ReadCloser
	sem  *semaphore.Weighted
	once sync.Once
}

func (b *limitedBody) Close() error {
	defer b.once.Do(func() { b.sem.Release(1) })
	return b.ReadCloser.Close()
}

// quick answers at once. It allocates the response and its body.
type quick struct{}

func (quick) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, ContentLength: int64(len(hello)),
		Body: io.NopCloser(strings.NewReader(hello)), Request: req}, nil
}

const hello = "hello, world"
