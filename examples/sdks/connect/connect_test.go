// Package connect has connect-go with the kit.
package connect

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

type text = wrapperspb.StringValue

// TestConnect is a row of docs/sdks.md:
//
//	sdk: connect-go
//	module: connectrpc.com/connect
//	first: the transport's settings; one `httpClient` serves all generated clients
//	not after: nothing is lost
//	reuse: 88 / 86
func TestConnect(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: service().ServeHTTP, Refuse: refuse, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, httpClient := e.Kit, &http.Client{Transport: e.Base}
		//docs:line
		get := connect.NewClient[text, text](kit.Client(httpClient), e.URL+"/test/Get")
		//docs:end
		stream := connect.NewClient[text, text](kit.Client(httpClient), e.URL+"/test/Stream")
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				resp, err := get.CallUnary(ctx, connect.NewRequest(&text{Value: name}))
				if err != nil {
					return "", err
				}
				return resp.Msg.Value, nil
			},
			Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
				s, err := stream.CallServerStream(ctx, connect.NewRequest(&text{Value: name}))
				if err != nil {
					return nil, err
				}
				return &download{ServerStreamForClient: s}, nil
			},
			Put: func(ctx context.Context, name string, content []byte) error {
				_, err := get.CallUnary(ctx, connect.NewRequest(&text{Value: name + string(content)}))
				return err
			},
		}
	}})
}

// download is a stream of messages as a body.
type download struct {
	*connect.ServerStreamForClient[text]
	rest string
}

func (d *download) Read(p []byte) (int, error) {
	if d.rest == "" {
		if !d.Receive() {
			if err := d.Err(); err != nil {
				return 0, err
			}
			return 0, io.EOF
		}
		d.rest = d.Msg().Value
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func service() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/test/Get", connect.NewUnaryHandler("/test/Get", func(context.Context, *connect.Request[text]) (*connect.Response[text], error) {
		return connect.NewResponse(&text{Value: strings.Repeat("t", 500)}), nil
	}))
	mux.Handle("/test/Stream", connect.NewServerStreamHandler("/test/Stream", func(_ context.Context, _ *connect.Request[text], s *connect.ServerStream[text]) error {
		for range 64 {
			if err := s.Send(&text{Value: strings.Repeat("s", 4<<10)}); err != nil {
				return err
			}
		}
		return nil
	}))
	return mux
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":"unavailable","message":%q}`, http.StatusText(status))
}
