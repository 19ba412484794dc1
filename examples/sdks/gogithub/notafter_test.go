package gogithub

import (
	"net/http"
	"testing"

	"github.com/google/go-github/v93/github"

	"github.com/warmconn/warmconn"
)

func TestWithEnvProxyAfterTheKitIsAnError(t *testing.T) {
	kit := warmconn.New(warmconn.Options{})
	client := kit.Client(&http.Client{Transport: new(http.Transport)})
	if _, err := github.NewClient(github.WithHTTPClient(client), github.WithEnvProxy()); err == nil {
		t.Error("no error")
	}
}
