package pool_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// limitOf sends a request to a host and returns the host's limit.
func limitOf(t *testing.T, p *pool.Pool, url string) int {
	t.Helper()
	var open atomic.Int32
	before := len(p.Stats().Hosts)
	resp, err := (&http.Client{Transport: p.Middleware(endless(&open))}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	hosts := p.Stats().Hosts
	if len(hosts) != before+1 {
		t.Fatalf("%d hosts, want %d", len(hosts), before+1)
	}
	for _, h := range hosts {
		if h.Requests == 1 && h.Host == keyOf(t, url) {
			return h.Limit
		}
	}
	t.Fatalf("no host for %s in %+v", url, hosts)
	return 0
}

func keyOf(t *testing.T, url string) string {
	t.Helper()
	var host string
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := pool.New(pool.Options{HostLimits: func(h string) (pool.Limits, bool) { host = h; return pool.Limits{}, false }})
	resp, err := p.Middleware(noContent).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return host
}

var noContent = roundtripper.Func(func(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 204, Body: http.NoBody, Request: req}, nil
})

func TestLimitsOfSingleHosts(t *testing.T) {
	o := pool.Options{
		MaxPerHost: 10,
		Hosts: map[string]pool.Limits{
			"https://api.example.com:443": {MaxPerHost: 1},
			"api.example.com":             {MaxPerHost: 2},
			"https://short.example.com":   {MaxPerHost: 3},
			"Case.Example.com":            {MaxPerHost: 4},
			"[::1]":                       {MaxPerHost: 5},
			"[::1]:90":                    {MaxPerHost: 9},
			"Api.example.com:90":          {MaxPerHost: 9},
			"https://api.example.com:90":  {MaxPerHost: 8},
			"free.example.com":            {MaxPerHost: -1},
			"timed.example.com":           {WaitTimeout: time.Second},
		},
		HostLimits: func(host string) (pool.Limits, bool) {
			switch host {
			case "http://asked.example.com:80", "https://api.example.com:443":
				return pool.Limits{MaxPerHost: 6}, true
			}
			return pool.Limits{MaxPerHost: 7}, false
		},
	}
	p := pool.New(o)
	o.Hosts["late.example.com"] = pool.Limits{MaxPerHost: 8}
	for url, want := range map[string]int{
		"https://api.example.com/":        1,
		"https://api.example.com:8443/":   2,
		"http://api.example.com/":         2,
		"https://short.example.com/":      3,
		"http://short.example.com/":       10,
		"http://CASE.example.com/":        4,
		"http://[::1]:8080/":              5,
		"http://[::1]:90/":                9,
		"http://api.example.com:90/":      9,
		"https://api.example.com:90/":     8,
		"http://free.example.com/":        0,
		"http://timed.example.com/":       10,
		"http://asked.example.com/":       6,
		"http://elsewhere.example.com/":   10,
		"http://late.example.com/":        10,
		"http://sub.api.example.com:443/": 10,
	} {
		if got := limitOf(t, p, url); got != want {
			t.Errorf("%s: limit %d, want %d", url, got, want)
		}
	}
}

func TestEveryLimitCanBeAHostsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{MaxPerHost: 1, MaxWaiting: 1, WaitTimeout: time.Second, Hosts: map[string]pool.Limits{
			"patient.example": {MaxWaiting: 2, WaitTimeout: 3 * time.Second},
			"hasty.example":   {MaxWaiting: -1},
			"endless.example": {WaitTimeout: -1},
		}})
		client := &http.Client{Transport: p.Middleware(endless(&open))}
		for _, v := range []struct {
			host    string
			waiting int           // as many find room
			timeout time.Duration // 0: none
		}{
			{"usual.example", 1, time.Second},
			{"patient.example", 2, 3 * time.Second},
			{"hasty.example", 0, 0},
			{"endless.example", 1, 0},
		} {
			url := "http://" + v.host + "/"
			held, err := client.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range v.waiting {
				wg.Go(func() {
					began := time.Now()
					resp, err := client.Get(url)
					switch took := time.Since(began); {
					case err == nil && v.timeout == 0:
						resp.Body.Close()
					case v.timeout == 0 || !errors.Is(err, pool.ErrWaitTimeout) || took != v.timeout:
						t.Errorf("%s: got %v after %v, want ErrWaitTimeout after %v", v.host, err, took, v.timeout)
					}
				})
				synctest.Wait()
			}
			if _, err := client.Get(url); !errors.Is(err, pool.ErrQueueFull) {
				t.Errorf("%s: with %d waiting, got %v, want ErrQueueFull", v.host, v.waiting, err)
			}
			time.Sleep(5 * time.Second)
			held.Body.Close()
			wg.Wait()
		}
	})
}

// TestHostLimitsMayCallStats: HostLimits is called without a lock, and once for each host as
// long as that is not forgotten.
func TestHostLimitsMayCallStats(t *testing.T) {
	var p *pool.Pool
	var asked atomic.Int32
	p = pool.New(pool.Options{HostLimits: func(host string) (pool.Limits, bool) {
		asked.Add(1)
		return pool.Limits{MaxPerHost: 1 + len(p.Stats().Hosts)}, true
	}})
	rt := p.Middleware(noContent)
	const hosts, each = 10, 5
	for range each {
		for i := range hosts {
			req, _ := http.NewRequest("GET", fmt.Sprintf("http://host%d.example/", i), nil)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	if got := asked.Load(); got != hosts {
		t.Errorf("asked %d times for %d hosts", got, hosts)
	}
	for i, h := range p.Stats().Hosts {
		if h.Limit != i+1 || h.Requests != each {
			t.Errorf("%s: limit %d, %d requests; want %d, %d", h.Host, h.Limit, h.Requests, i+1, each)
		}
	}
}

func TestHostLimitsIsAskedAgainForAForgottenHost(t *testing.T) {
	t.Parallel()
	asked := make(map[string]int)
	p := pool.New(pool.Options{HostLimits: func(host string) (pool.Limits, bool) {
		asked[host]++
		return pool.Limits{MaxPerHost: asked[host]}, true
	}})
	rt := p.Middleware(noContent)
	request := func(host string) {
		req, _ := http.NewRequest("GET", "http://"+host+"/", nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	request("first.example")
	for i := range fullsize.Of(20_000, 5000) {
		request(fmt.Sprintf("host%d.example", i))
	}
	request("first.example")
	for _, h := range p.Stats().Hosts {
		if h.Host == "http://first.example:80" && h.Limit != 2 {
			t.Errorf("limit %d, want the second answer's", h.Limit)
		}
	}
	if n := asked["http://first.example:80"]; n != 2 {
		t.Errorf("asked %d times, want 2: once it was forgotten", n)
	}
}
