package testserver

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
)

// Answering returns a transport whose connections are in memory, and answer each request with
// text: a whole response, or one that no server of net/http's would send.
func Answering(text string) *http.Transport {
	return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			for r := bufio.NewReader(far); ; {
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
				if _, err := io.WriteString(far, text); err != nil {
					return
				}
			}
		}()
		return near, nil
	}}
}
