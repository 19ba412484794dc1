package roundtripper_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/roundtripper"
)

// Whatever a server sends, an Exchange that is printed has none of it, and no body of the kit's
// has.
// The text is in Err.
func FuzzPrintedExchange(f *testing.F) {
	for _, s := range []string{
		"|", "HTTP/1.1 |", "HTTP/1.1 200 |\r\n\r\n", "HTTP/1.1 200 OK\r\n|\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: |\r\n\r\n",
		"HTTP/1.1 200 OK\r\nSet-Cookie: |\r\nTrailer: |\r\n\r\n|", "HTTP/1.1 200 OK\r\nTransfer-Encoding: |\r\n\r\n", "HTTP/1.1 100 |\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n|\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n|\r\n\r\n",
		"HTTP/1.1 101 |\r\nUpgrade: |\r\nConnection: upgrade\r\n\r\n|", "HTTP/1.1 302 OK\r\nLocation: |\r\n\r\n", "|/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n|", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n|",
	} {
		before, after, _ := strings.Cut(s, "|")
		f.Add(before, after)
	}
	const secret = "cnrycnry"
	f.Fuzz(func(t *testing.T, before, after string) {
		answer := before + secret + strings.ReplaceAll(after, "|", secret)
		base := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
			c, s := net.Pipe()
			go func() {
				defer s.Close()
				if _, err := http.ReadRequest(bufio.NewReader(s)); err == nil {
					io.WriteString(s, answer)
				}
			}()
			return c, nil
		}}
		var printed bytes.Buffer
		show := func(e roundtripper.Exchange) {
			for _, verb := range verbs {
				fmt.Fprintf(&printed, verb, e)
				fmt.Fprintf(&printed, verb, &e)
				fmt.Fprintf(&printed, verb, struct{ E any }{e})
			}
			if err := json.NewEncoder(&printed).Encode(e); err != nil {
				t.Error(err)
			}
		}
		ends := 0
		client := roundtripper.Client(&http.Client{Transport: base}, roundtripper.Observe(roundtripper.Observer{
			End: func(_ context.Context, e roundtripper.Exchange) { ends++; show(e) },
		}))
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		if resp, err := client.Get("http://host.example/"); err == nil {
			// The body of a 101 is the base's own: package fmt would read net/http's fields, and a
			// pipe's, beside the goroutines that write them.
			if resp.StatusCode != http.StatusSwitchingProtocols {
				for _, verb := range verbs {
					fmt.Fprintf(&printed, verb, resp.Body)
				}
			}
			if e, ok := roundtripper.ExchangeOf(resp); ok {
				show(e)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if ends != 1 {
			t.Errorf("%d ends", ends)
		}
		if text := printed.String(); strings.Contains(strings.ToLower(text), secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
			t.Errorf("%q\nprints %s", answer, text)
		}
	})
}
