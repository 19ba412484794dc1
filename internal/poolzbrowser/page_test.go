package poolzbrowser

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/warmconn/warmconn/pool"
)

func TestThePageShowsTheFiveIncidentsAsTheyHappen(t *testing.T) {
	b := open(t)
	w := newWorld(t, pool.Options{})
	b.size(1600, 1000)
	b.do(chromedp.Navigate(serve(t, w.pool)))
	b.wait("before", `document.body.innerText`, "No request has been sent yet")

	w.closesUnread(20)
	b.wait("I1", row("http://unread.example:80"), "body_unread", "unread")
	b.wait("I1", section("h-undrained"), "scenes_test.go", "closesUnread", "unread.example:80/long", "20")
	b.wait("I1", section("h-costs"), "closesUnread", "body_unread", "19")
	b.wait("I1", section("h-events"), "new connection", "body_unread", "closesUnread")

	w.neverCloses(20)
	b.wait("I2", row("http://leaks.example:80"), "leaked")
	b.wait("I2", section("h-leaks"), "scenes_test.go", "neverCloses", "dropped body", "leaks.example:80")

	w.keepsTwo(5)
	b.wait("I3", row("http://idle-pool.example:80"), "only counted", "idle_limit")

	w.makesTransports(60)
	b.wait("I4", section("h-leaks"), "transports", "(*world).dropped")
	b.wait("I4", row("http://transports.example:80"), "first 60", "0\u202f%")

	w.keepsNone(20)
	b.wait("I5", row("http://no-keep-alive.example:80"), "keepalives_disabled")
	b.clean()
}

func TestThePageWorksWithoutJavaScript(t *testing.T) {
	b := open(t)
	w := newWorld(t, pool.Options{})
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	page := serve(t, w.pool)
	b.do(chromedp.Navigate(page))
	w.closesUnread(5)
	// It asks for itself again after five seconds, at most.
	b.do(chromedp.WaitVisible(`//table[contains(@class,"hosts")]//bdi[contains(.,"unread.example")]`))
	if title := run(b, chromedp.Title()); title != "pool" {
		t.Errorf("the title is %q", title)
	}
	// A click may meet the page just when it asks for itself.
	host := run(b, chromedp.AttributeValue(`//table[contains(@class,"hosts")]//a[contains(.,"unread.example")]`, "href"))
	b.do(chromedp.Navigate(page+host.Value), chromedp.WaitVisible("#h-conns"))
	if title, want := run(b, chromedp.Title()), "http://unread.example:80 · pool"; title != want {
		t.Errorf("the title is %q, want %q", title, want)
	}
	b.clean()
}
