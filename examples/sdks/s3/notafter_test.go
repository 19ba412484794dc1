package s3

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/warmconn/warmconn"
)

func TestACustomCABundleBesideTheKitIsAnError(t *testing.T) {
	kit := warmconn.New(warmconn.Options{})
	client := kit.Client(&http.Client{Transport: new(http.Transport)})
	_, err := config.LoadDefaultConfig(t.Context(), config.WithHTTPClient(client), config.WithCustomCABundle(strings.NewReader("a certificate")))
	if err == nil {
		t.Error("no error")
	}
}
