package connpool

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

func TestShutdownClosesAConnectionBehindTheUploadOnIt(t *testing.T) {
	u := newUploads(t, nil)
	p := newPool(t, u.base, Options{})
	sent := watchUpload(t, p)
	rest := u.begin(t, rt{p: p}, nil)
	p.Shutdown() // once, like the clean-up of a client that was dropped
	sent()
	u.end(t, rest)
	u.gone(t, p)
}

func TestAGoAwayCutsNoUploadBehindItsResponse(t *testing.T) {
	for name, behind := range map[string]func(c *h2, stream uint32){
		"GOAWAY": func(c *h2, stream uint32) { c.goAway(stream, 0) },
		"none":   nil,
	} {
		for _, close := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, Request.Close %v", name, close), func(t *testing.T) {
				u := newUploads(t, behind)
				bareAndPool(t, Options{}, u.base.Clone, func(t *testing.T, r http.RoundTripper) {
					rest := u.begin(t, r, func(req *http.Request) { req.Close = close })
					u.end(t, rest)
				})
			})
		}
	}
}

// TestASuccessorCutsNoUploadOfTheConnectionItReplaces: a connection is busy when it has come to
// its number of uses, another one is dialed, and the first goes away when its last exchange
// ends.
func TestASuccessorCutsNoUploadOfTheConnectionItReplaces(t *testing.T) {
	answer := make(chan struct{})
	u := newUploads(t, func(c *h2, _ uint32) {
		if stream := c.request(); stream != 0 {
			c.frame(1, 4, stream, []byte{0x88}) // HEADERS, and no end yet
			select {
			case <-answer:
				c.frame(0, 1, stream, nil)
			case <-t.Context().Done():
			}
		}
	})
	p := newPool(t, u.base, Options{MaxUses: 2})
	sent := watchUpload(t, p)
	rest := u.begin(t, rt{p: p}, nil)
	second, err := openGet(t.Context(), rt{p: p}, u.url)
	if err != nil {
		t.Fatal(err)
	}
	third := send(t.Context(), rt{p: p}, u.url) // on the first, and it dials
	waitCount(t, p, goingAway, 1)
	close(answer)
	io.Copy(io.Discard, second.Body)
	if err := <-third; err != nil {
		t.Error(err)
	}
	sent()
	u.end(t, rest)
}
