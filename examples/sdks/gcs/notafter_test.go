package gcs

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"cloud.google.com/go/storage"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"github.com/warmconn/warmconn"
)

func TestCredentialsBesideAnHTTPClientAreNotUsed(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(answer)) // wants the token
	defer srv.Close()
	kit := warmconn.New(warmconn.Options{})
	defer kit.Shutdown(t.Context())
	client, err := storage.NewClient(t.Context(),
		option.WithHTTPClient(kit.Client(&http.Client{Transport: new(http.Transport)})),
		option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"})),
		option.WithEndpoint(srv.URL+"/storage/v1/"))
	if err != nil {
		return // also a way to say so
	}
	defer client.Close()
	if _, err := client.Bucket("bucket").Object("o").Attrs(t.Context()); err == nil {
		t.Error("the token was sent: the SDK heeds both now")
	}
}
