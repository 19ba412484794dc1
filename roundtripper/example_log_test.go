package roundtripper_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// status closes the body unread.
func status(client *http.Client, url string) {
	resp, err := client.Get(url)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
}

// A program without OpenTelemetry hears what goes wrong with its connections: of a storm
// one line in 10 s.
func ExampleLog() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000000") // too long to drain
		w.Write(make([]byte, 4096))
	}))
	defer srv.Close()

	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr { // what is not the same each time
			switch a.Key {
			case slog.TimeKey, "warmconn.conn_wait":
				return slog.Attr{}
			case "warmconn.culprit.caller":
				return slog.String(a.Key, path.Base(a.Value.String()))
			}
			return a
		},
	}))
	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), roundtripper.Log(logger), p.Middleware)
	for range 100 {
		status(client, "http://api.example.com/?token=secret") // srv, whatever the name
	}
	// Output:
	// level=INFO msg="connection lost" http.request.method=GET server.address=api.example.com server.port=80 warmconn.new_reason=body_unread warmconn.conn_id=2 warmconn.culprit.caller=roundtripper_test.status
}
