// Package websocket has coder/websocket with the kit.
package websocket

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestWebSocket is a row of docs/sdks.md:
//
//	sdk: coder/websocket
//	module: github.com/coder/websocket
//	first: the transport's settings
//	not after: a time-out on the client: websocket.Dial says so. A connection that is upgraded is the socket's, and is not used again; a refusal's is
//	reuse: 50 / 50
func TestWebSocket(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, NoHTTP2: true, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, httpClient := e.Kit, &http.Client{Transport: e.Base}
		var options websocket.DialOptions
		//docs:line
		options.HTTPClient = kit.Client(httpClient)
		//docs:end
		dial := func(ctx context.Context, name string) (string, error) {
			conn, _, err := websocket.Dial(ctx, e.URL+"/"+name, &options)
			if err != nil {
				return "", err
			}
			defer conn.CloseNow()
			if err := conn.Write(ctx, websocket.MessageText, []byte(strings.Repeat("m", 5000))); err != nil {
				return "", err
			}
			_, echo, err := conn.Read(ctx)
			if err != nil {
				return "", err
			}
			return string(echo), conn.Close(websocket.StatusNormalClosure, "")
		}
		call := func(name string, times, atOnce int) sdktest.Call {
			return sdktest.Call{Name: name, Times: times, AtOnce: atOnce, Do: func(ctx context.Context) (string, error) { return dial(ctx, "sc-"+name) }}
		}
		return sdktest.Ops{More: []sdktest.Call{call("ok", 10, 1), call("missing", 30, 1), call("ok", 1, 8), call("missing", 10, 1)}}
	}})
}

func answer(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer conn.CloseNow()
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil || conn.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

// refuse says more than the SDK reads.
func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.WriteHeader(status)
	io.WriteString(w, strings.Repeat("no ", 5000))
}
