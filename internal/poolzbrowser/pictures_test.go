package poolzbrowser

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/warmconn/warmconn/pool"
)

var load = flag.Duration("load", 4*time.Minute, "for how long, before the pictures are taken")

var pictures = flag.String("pictures", "", "the folder that poolz-light.png and poolz-dark.png are written to, after some load")

// shoot writes a picture of the window, or of the whole page.
func (b *tab) shoot(file string, whole bool) {
	b.t.Helper()
	call(b, emulation.SetScrollbarsHidden, emulation.SetScrollbarsHiddenParams{Hidden: whole}) // they narrow the page, but not the picture
	shot := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
	if err := os.WriteFile(file, shot.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.t.Logf("%s: %d bytes", file, len(shot.Data))
}

// TestThePicturesOfREADME makes them, if it is asked to.
func TestThePicturesOfREADME(t *testing.T) {
	if *pictures == "" {
		t.Skip("SKIPPED: no -pictures")
	}
	b := open(t)
	w := newWorld(t, pool.Options{MaxPerHost: 40, AlwaysCaller: true, LeakAfter: 5 * time.Second})
	url := serve(t, w.pool)
	b.do(chromedp.Navigate(url))
	defer w.day(t.Context())()
	select {
	case <-time.After(*load):
	case <-b.ctx.Done():
	}
	for _, p := range []struct {
		name, scheme, media, query string
		width, height              int64
		whole                      bool
	}{
		{"poolz-light", "light", "screen", "", 1300, 880, false},
		{"poolz-dark", "dark", "screen", "", 1300, 880, false},
		{"whole-1600", "light", "screen", "", 1600, 1000, true},
		{"whole-400", "light", "screen", "", 400, 800, true},
		{"host-1600", "dark", "screen", "?host=http%3A%2F%2Fsearch.example%3A80", 1600, 1000, true},
		{"host-400", "dark", "screen", "?host=http%3A%2F%2Fsearch.example%3A80", 400, 800, true},
		{"print", "light", "print", "", 1000, 1000, true},
	} {
		b.size(p.width, p.height)
		b.scheme(p.scheme, p.media)
		b.do(chromedp.Navigate(url + p.query))
		if p.whole && os.Getenv("WARMCONN_ALL_PICTURES") == "" {
			continue
		}
		b.shoot(filepath.Join(*pictures, p.name+".png"), p.whole)
	}
	b.clean()
}
