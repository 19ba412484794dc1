// This program sends requests through the kit, and prints as JSON which functions
// each of them entered.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/jumplog"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

const (
	// quiet is how long nothing of the kit may be entered before a request is over.
	quiet = 100 * time.Millisecond
	// limit is for all that is waited for.
	limit = 20 * time.Second
)

// kind is a kind of requests.
type kind struct {
	name string
	// path is that of a short body, or of a long one: of more than net/http reads
	// at once, so that what is closed unread has something to drain.
	path string
	read bool // to EOF
}

var (
	http1 = []kind{
		{"1st: new connection, read to EOF", "/short", true},
		{"2nd: reused, read to EOF", "/short", true},
		{"3rd: reused, closed unread (drained)", "/long", false},
	}
	http2 = []kind{
		{"1st over HTTP/2 (TLS)", "/short", true},
		{"2nd over HTTP/2", "/short", true},
	}
	bodies = map[string]string{"/short": "hello, world", "/long": strings.Repeat("long", 4<<10)}
)

type request struct {
	Name    string
	Entries []jumplog.Entry
}

func main() {
	// What the collector finds belongs to no request.
	debug.SetGCPercent(-1)
	all, err := send(1, http1)
	if err != nil {
		log.Fatal(err)
	}
	more, err := send(2, http2)
	if err != nil {
		log.Fatal(err)
	}
	all = append(all, more[1:]...) // the client is built in the same way
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		log.Fatal(err)
	}
}

// send builds a client and sends requests to a server of its own, one after the
// other. What it returns begins with the building.
func send(major int, kinds []kind) ([]request, error) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := bodies[r.URL.Path]
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		io.WriteString(w, body)
	}))
	defer srv.Close()
	base := http.DefaultTransport.(*http.Transport).Clone()
	if srv.EnableHTTP2 = major == 2; srv.EnableHTTP2 {
		srv.StartTLS()
		base.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig
	} else {
		srv.Start()
	}
	spans := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.AlwaysSample()),
		sdktrace.WithSyncer(tracetest.NewInMemoryExporter()))

	jumplog.Start()
	t := trace.New(trace.Options{TracerProvider: spans})
	d := drain.New(drain.Options{})
	p := pool.New(pool.Options{MaxPerHost: 8})
	client := roundtripper.Client(&http.Client{Transport: base}, t.Middleware, d.Middleware, p.Middleware)
	requests := []request{{"building the client", settled()}}
	defer client.CloseIdleConnections()

	for _, k := range kinds {
		req, err := http.NewRequest("GET", srv.URL+k.path, nil)
		if err != nil {
			return nil, err
		}
		jumplog.Start()
		resp, err := client.Do(req)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		if k.read {
			_, err = io.Copy(io.Discard, resp.Body)
		}
		err = errors.Join(err, resp.Body.Close())
		requests = append(requests, request{k.name, settled()})
		if err == nil && resp.ProtoMajor != major {
			err = fmt.Errorf("it is %s", resp.Proto)
		}
		if err = errors.Join(err, idle(p)); err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
	}
	return requests, nil
}

// settled ends the list once nothing is added to it any more, and returns it.
func settled() []jumplog.Entry {
	for n, since, end := 0, time.Now(), time.Now().Add(limit); time.Since(since) < quiet && time.Now().Before(end); {
		if l := jumplog.Len(); l != n {
			n, since = l, time.Now()
		}
		time.Sleep(time.Millisecond)
	}
	return jumplog.Stop()
}

// idle waits until the Pool's first connection, which must be the only one, is
// idle. It does so outside of the list, for Stats is of the kit too.
func idle(p *pool.Pool) error {
	var s pool.Stats
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if s = p.Stats(); s.Opened == 1 && s.Idle == 1 && s.Active == 0 {
			return nil
		}
	}
	return fmt.Errorf("%d connections were opened, %d are idle, %d in use", s.Opened, s.Idle, s.Active)
}
