// Package ownsdk is a small SDK as its author should write it on top of warmconn, for a
// service that keeps notes.
package ownsdk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/warmconn/warmconn"
)

// Options configures a Client. Only BaseURL is needed.
type Options struct {
	// BaseURL is the service's, "https://notes.example.com" say.
	BaseURL string
	// HTTPClient is the caller's own: proxies, certificates, authentication, tests. It is
	// not changed, and stays the caller's to close. Nil means the settings of
	// http.DefaultClient.
	HTTPClient *http.Client
	// Conns says what is done with connections: limits, spans, drains. Its zero value is
	// right for most programs.
	Conns warmconn.Options
}

// Client is a client of the service. It is safe for concurrent use. Use New.
type Client struct {
	base *url.URL
	http *http.Client
	kit  *warmconn.Kit
}

// New returns a Client.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("notes: BaseURL: %w", err)
	}
	kit := warmconn.New(o.Conns)
	return &Client{base: base, http: kit.Client(o.HTTPClient), kit: kit}, nil
}

// Shutdown waits for requests in flight, refuses new ones, and leaves no connection.
func (c *Client) Shutdown(ctx context.Context) error { return c.kit.Shutdown(ctx) }

// A Note is a text with a name.
type Note struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Error is an answer that is none of success.
type Error struct {
	StatusCode int
	Message    string // at most 1 KiB
}

func (e *Error) Error() string { return fmt.Sprintf("notes: %d: %s", e.StatusCode, e.Message) }

// Get returns the note.
func (c *Client) Get(ctx context.Context, id string) (n Note, err error) {
	return n, c.do(ctx, "GET", id, nil, &n)
}

// Put stores the note.
func (c *Client) Put(ctx context.Context, n Note) error {
	return c.do(ctx, "PUT", n.ID, n, nil)
}

// Exists reports whether there is such a note. It looks at the status alone.
func (c *Client) Exists(ctx context.Context, id string) (bool, error) {
	err := c.do(ctx, "GET", id, nil, nil)
	if e, ok := err.(*Error); ok && e.StatusCode == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

// do is the one place where a response is had, so that there is one place that closes it.
// Close drains what is left of the body, if a connection is worth that: nothing here reads
// on for it.
func (c *Client) do(ctx context.Context, method, id string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("notes: %w", err)
		}
		body = bytes.NewReader(b) // which net/http can send again over another connection
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath("notes", id).String(), body)
	if err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		message, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return &Error{resp.StatusCode, string(message)}
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("notes: %w", err)
	}
	return nil
}
