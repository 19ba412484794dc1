// Package gogithub has go-github with the kit.
package gogithub

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v93/github"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestGoGitHub is a row of docs/sdks.md:
//
//	sdk: go-github
//	module: github.com/google/go-github/v93
//	first: proxy and TLS, on the transport
//	not after: `WithEnvProxy`, which wants an *http.Transport: an error
//	reuse: 96 / 97
func TestGoGitHub(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, httpClient := e.Kit, &http.Client{Transport: e.Base}
		api := e.URL + "/"
		urls := github.WithURLs(&api, &api)
		//docs:line
		client, err := github.NewClient(github.WithHTTPClient(kit.Client(httpClient)), urls)
		//docs:end
		if err != nil {
			t.Fatal(err)
		}
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				repo, _, err := client.Repositories.Get(ctx, "o", name)
				return repo.GetDescription(), err
			},
			Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
				req, err := client.NewRequest(ctx, "GET", "raw/"+name, nil)
				if err != nil {
					return nil, err
				}
				resp, err := client.BareDo(req)
				if err != nil {
					return nil, err
				}
				return resp.Body, nil
			},
			Put: func(ctx context.Context, name string, content []byte) error {
				req, err := client.NewUploadRequest(ctx, "assets?name="+name, bytes.NewReader(content), int64(len(content)), "text/plain")
				if err != nil {
					return err
				}
				_, err = client.Do(req, nil)
				return err
			},
		}
	}})
}

func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.Contains(r.URL.Path, "/raw/"):
		io.WriteString(w, strings.Repeat("r", 256<<10))
	default:
		fmt.Fprintf(w, `{"id":1,"name":"repo","full_name":"o/repo","description":%q}`, strings.Repeat("d", 500))
	}
}

func refuse(w http.ResponseWriter, r *http.Request, status int) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q}`, http.StatusText(status))
}
