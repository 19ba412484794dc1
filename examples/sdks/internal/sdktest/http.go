package sdktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// HTTPOps is the plan's calls as plain requests, for what is an http.Client or sends requests
// as one. Answer is HTTPAnswer then.
func HTTPOps(url string, do func(*http.Request) (*http.Response, error)) Ops {
	send := func(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, method, url+path, body)
		if err != nil {
			return nil, err
		}
		resp, err := do(req)
		if err == nil && resp.StatusCode >= 400 {
			text, err := io.ReadAll(resp.Body)
			return nil, errors.Join(err, resp.Body.Close(), fmt.Errorf("status %d: %s", resp.StatusCode, text))
		}
		return resp, err
	}
	whole := func(resp *http.Response, err error) (string, error) {
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		return string(text), err
	}
	return Ops{
		Get: func(ctx context.Context, name string) (string, error) {
			return whole(send(ctx, "GET", "/small/"+name, nil))
		},
		Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
			resp, err := send(ctx, "GET", "/big/"+name, nil)
			if err != nil {
				return nil, err
			}
			return resp.Body, nil
		},
		Put: func(ctx context.Context, name string, content []byte) error {
			_, err := whole(send(ctx, "PUT", "/small/"+name, bytes.NewReader(content)))
			return err
		},
	}
}

// HTTPAnswer answers HTTPOps.
func HTTPAnswer(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/big/") {
		io.WriteString(w, strings.Repeat("b", big))
		return
	}
	io.WriteString(w, strings.Repeat("s", 500))
}
