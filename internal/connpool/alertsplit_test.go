package connpool

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// inPieces is a connection whose Reads bring a few bytes each.
type inPieces struct {
	net.Conn
	most int
}

func (c inPieces) Read(p []byte) (int, error) { return c.Conn.Read(p[:min(len(p), c.most)]) }

// together is a connection that holds back all writes after hold, and sends them when it is
// closed.
type together struct {
	net.Conn
	held *[]byte
}

func (c together) Write(p []byte) (int, error) {
	if c.held == nil || *c.held == nil {
		return c.Conn.Write(p)
	}
	*c.held = append(*c.held, p...)
	return len(p), nil
}

func (c together) Close() error {
	if c.held != nil {
		c.SetWriteDeadline(time.Time{}) // tls.Conn wants no more writes
		c.Conn.Write(*c.held)
	}
	return c.Conn.Close()
}

// TestACloseNotifyInTwoReadsIsTheServersEnd: it comes in one piece with the response, and
// the client reads it in two.
func TestACloseNotifyInTwoReadsIsTheServersEnd(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			server, client := newTLS(t)
			server.MaxVersion = version
			addr := script(t, func(_ int, nc net.Conn, _ *bufio.Reader) {
				var held []byte
				c := tls.Server(together{nc, &held}, server)
				if read(bufio.NewReader(c)) == nil {
					return
				}
				held = []byte{}
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n%s", strings.Repeat("x", 100))
				c.Close()
			})
			for most := 5; most < 30; most++ {
				base := &http.Transport{TLSClientConfig: client.Clone()}
				base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					nc, err := new(net.Dialer).DialContext(ctx, network, addr)
					return inPieces{nc, most}, err
				}
				p := newPool(t, base, Options{})
				must(t, rt{p: p}, "https://"+addr)
				opensNone(t, p)
				if lost(p, loss.ServerClosedIdle) != 1 {
					t.Errorf("in reads of %d bytes the end is not the server's", most)
				}
			}
		})
	}
}
