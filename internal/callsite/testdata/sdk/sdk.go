// Package sdk is somebody else's.
package sdk

import "net/http"

// Client is of an SDK that forgets a body.
type Client struct{ HTTP *http.Client }

// Get returns the status.
func (c *Client) Get(url string) (int, error) {
	resp, err := c.HTTP.Get(url)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, nil
}
