package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// protocol is how client and server speak: a setting is one with a number of
// workers, and has connections of its own.
type protocol struct {
	name  string
	tls   bool
	major int
}

var protocols = []protocol{{"http1", false, 1}, {"http1-tls", true, 1}, {"http2", true, 2}}

// kind is what is asked and answered.
type kind struct {
	name, method, path string
	send, get          int
}

var kinds = []kind{
	{"get-5B", "GET", "/5?page=2", 0, 5},
	{"get-64KiB", "GET", "/65536?page=2", 0, 64 << 10},
	{"post-1KiB", "POST", "/5?page=2", 1 << 10, 5},
}

type setting struct {
	protocol protocol
	workers  int
}

type cell struct {
	setting
	kind       kind
	cancelable bool
}

func (c cell) String() string {
	ends := "background"
	if c.cancelable {
		ends = "cancelable"
	}
	return fmt.Sprintf("%s/%s/%d/%s", c.protocol.name, c.kind.name, c.workers, ends)
}

// allCells are in the order of the table; those of a setting stand together.
func allCells() []cell {
	var cells []cell
	for _, p := range protocols {
		for _, workers := range []int{1, 50} {
			for _, k := range kinds {
				for _, cancelable := range []bool{false, true} {
					cells = append(cells, cell{setting{p, workers}, k, cancelable})
				}
			}
		}
	}
	return cells
}

// send sends one request, reads the response to its end and closes it.
func (c cell) send(client *http.Client, url string) error {
	ctx := context.Background()
	if c.cancelable {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
	}
	var body io.Reader
	if c.kind.send > 0 {
		body = bytes.NewReader(payload[:c.kind.send])
	}
	req, err := http.NewRequestWithContext(ctx, c.kind.method, url+c.kind.path, body)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		return err
	}
	// A stack that has lost HTTP/2 on the way would be compared with another thing.
	if resp.StatusCode != 200 || n != int64(c.kind.get) || resp.ProtoMajor != c.protocol.major {
		return fmt.Errorf("%s of %d bytes by %s, want %d by HTTP/%d", resp.Status, n, resp.Proto, c.kind.get, c.protocol.major)
	}
	return nil
}
