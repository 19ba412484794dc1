package docker

import (
	"net/http"
	"testing"

	"github.com/moby/moby/client"

	"github.com/warmconn/warmconn"
)

func TestOptionsThatDialAfterTheKitAreErrors(t *testing.T) {
	kit := warmconn.New(warmconn.Options{})
	with := client.WithHTTPClient(kit.Client(&http.Client{Transport: new(http.Transport)}))
	for name, opt := range map[string]client.Opt{
		"WithHost":        client.WithHost("unix:///nowhere"),
		"WithDialContext": client.WithDialContext(nil),
	} {
		if _, err := client.New(with, opt); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}
