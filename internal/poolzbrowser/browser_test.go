package poolzbrowser

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	collector "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/poolz"
)

// names that Chromium has, by system.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// path is where the browser is; the test is skipped where there is none.
func path(t *testing.T) string {
	for _, name := range names {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	t.Skip("SKIPPED: there is no Chromium here: Debian's package is chromium")
	return ""
}

// tab is a page in a browser, and what it has complained about.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	failures []string
}

// open starts a browser. It and all that it is asked end with the test, or after eight minutes.
func open(t *testing.T, options ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	all := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("hide-scrollbars", false), chromedp.Flag("disable-dev-shm-usage", true))
	if os.Geteuid() == 0 {
		all = append(all, chromedp.NoSandbox) // Chromium has none for root
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(all, options...)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	call(b, log.Enable, cdp.Empty{})
	call(b, network.Enable, network.EnableParams{})
	return b
}

// hear writes down what a page must not say: anything on the console, a violation of its
// policy, a request that failed.
func (b *tab) hear(event any) {
	fail := func(format string, args ...any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.failures = append(b.failures, fmt.Sprintf(format, args...))
	}
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		fail("console: %s", e.Type)
	case *runtime.EventExceptionThrown:
		fail("exception: %s", e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		fail("log: %s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
	case *page.EventJavascriptDialogOpening:
		fail("dialog: %s", e.Message)
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			fail("%d: %s", e.Response.Status, e.Response.URL)
		}
	}
}

// clean fails the test for what the page has complained about.
func (b *tab) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.failures {
		b.t.Error(f)
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// run is do for what has an answer.
func run[T any](b *tab, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// call sends a command of the browser's protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	v, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// size is the window's.
func (b *tab) size(width, height int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
}

// scheme is "dark" or "light", as the system would be; media "screen" or "print".
func (b *tab) scheme(name, media string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media,
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

func (b *tab) ask(expression string) string {
	b.t.Helper()
	return run(b, chromedp.Evaluate[string]("String("+expression+")"))
}

// wait waits until the page shows all of want at an expression.
func (b *tab) wait(what, expression string, want ...string) {
	b.t.Helper()
	last := ""
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		// A client that the test has let go is collected now, and not only on the day that it matters.
		collector.GC()
		collector.GC()
		last = b.ask(expression)
		missing := false
		for _, w := range want {
			missing = missing || !strings.Contains(last, w)
		}
		if !missing {
			b.t.Logf("%s: %s", what, strings.Join(strings.Fields(last), " "))
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-b.ctx.Done():
			b.t.Fatal(b.ctx.Err())
		}
	}
	b.t.Fatalf("%s: the page does not show %q, but:\n%s\n%s", what, want, last, b.ask("document.body.innerText"))
}

// row is what the page says of a host, and section what is under a heading.
func row(host string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("table.hosts tbody tr")].find(r => r.querySelector("bdi").textContent === %q)?.textContent`, host)
}

func section(id string) string {
	return fmt.Sprintf(`document.querySelector("section[aria-labelledby=%s]").textContent`, id)
}

// serve has a Pool's page on a listener of the loopback address.
func serve(t *testing.T, p *pool.Pool) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/debug/pool/", poolz.Handler(p))
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	if !net.ParseIP(strings.Split(srv.Listener.Addr().String(), ":")[0]).IsLoopback() {
		t.Fatalf("%s is no loopback address", srv.Listener.Addr())
	}
	return srv.URL + "/debug/pool/"
}
