package main

import (
	"context"
	"io"
	"net/http"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// newClient returns a client over base: plain, or with a Pool of o. End closes what it has.
func newClient(variant string, base *http.Transport, o pool.Options) (client *http.Client, end func()) {
	base.MaxIdleConnsPerHost = 100 // the pool of two is quickstart's row
	client = &http.Client{Transport: base}
	if variant == before {
		return client, base.CloseIdleConnections
	}
	p := pool.New(o)
	client = roundtripper.Client(client, p.Middleware)
	return client, func() { client.CloseIdleConnections(); p.Close() }
}

// send sends a request and reads the response.
func send(client *http.Client, req *http.Request) (text string, err error) {
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func get(ctx context.Context, client *http.Client, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	return send(client, req)
}

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }
