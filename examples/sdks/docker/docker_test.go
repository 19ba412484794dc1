// Package docker has moby's client with the kit, over a unix socket.
package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestDocker is a row of docs/sdks.md:
//
//	sdk: docker, unix socket
//	module: github.com/moby/moby/client
//	first: `WithHost`, which refuses a wrapper; then `WithHTTPClient`, over a dialer of one's own to the same socket. moby wraps it with otelhttp, whose span is then the kit's parent
//	not after: `WithHost`, `WithDialContext`, `WithTLSClientConfig`: errors. Attach and exec dial by themselves, past the kit
//	reuse: 89
func TestDocker(t *testing.T) {
	spans := sdktest.Spans{Above: "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"} // moby brings it
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, Spans: spans, Unix: true, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, socket := e.Kit, e.Addr
		//docs:line
		base := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}}
		cli, err := client.New(client.WithHost("unix://"+socket), client.WithHTTPClient(&http.Client{Transport: kit.Wrap(base)}))
		//docs:end
		if err != nil {
			t.Fatal(err)
		}
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				result, err := cli.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
				return result.Container.Image, err
			},
			Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
				return cli.ContainerLogs(ctx, name, client.ContainerLogsOptions{ShowStdout: true})
			},
			Put: func(ctx context.Context, name string, content []byte) error {
				_, err := cli.CopyToContainer(ctx, name, client.CopyToContainerOptions{DestinationPath: "/", Content: bytes.NewReader(content)})
				return err
			},
			Close: func() {
				cli.Close()
				base.CloseIdleConnections()
			},
		}
	}})
}

func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Api-Version", "1.52")
	switch {
	case strings.HasSuffix(r.URL.Path, "/logs"):
		io.WriteString(w, strings.Repeat("l", 256<<10))
	case strings.HasSuffix(r.URL.Path, "/json"):
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"Id":"id","Image":%q}`, strings.Repeat("i", 500))
	}
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q}`, http.StatusText(status))
}
