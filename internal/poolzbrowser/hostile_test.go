package poolzbrowser

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/warmconn/warmconn/pool"
)

func TestHostileNamesStayText(t *testing.T) {
	b := open(t)
	w := newWorld(t, pool.Options{AlwaysCaller: true})
	rt := w.pool.Middleware(w.transport())
	page := serve(t, w.pool)
	b.size(400, 800)
	b.do(chromedp.Navigate(page))
	names := []string{
		`<img src=x onerror=alert(1)>`, `"><script>alert(1)</script>`, `' autofocus onfocus=alert(1) x='`, "\u202egpj.exe", "</main></body>",
		"javascript:alert(1)", strings.Repeat("long", 50) + ".example", "user:hunter2@api.example", "{{.}}", "\x00\x1b[31m",
	}
	for _, host := range names {
		path := "/" + strings.ReplaceAll(host, "hunter2", "")
		req := &http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: host, Path: path, RawQuery: "token=hunter2"}, Header: http.Header{}}
		if resp, err := rt.RoundTrip(req); err == nil {
			resp.Body.Close()
		}
	}
	b.wait("names", `document.querySelectorAll("table.hosts tbody tr").length`, "1")
	b.wait("names", `document.body.innerText`, `<img src=x onerror=alert(1)>`, `"><script>alert(1)</script>`, `\u202egpj.exe`, "</main></body>", "{{.}}", `\u0000\u001b[31m`)
	for expression, want := range map[string]string{
		`document.querySelectorAll("img, iframe, object, embed, main script, [onerror], [onfocus], [onclick], [style]").length`: "0",
		`document.querySelectorAll("script").length`: "1",
		`document.querySelectorAll("main").length`:   "1",
		`[...document.querySelectorAll("a, form")].filter(e => new URL(e.href || e.action || location.href).origin !== location.origin).length`: "0",
		`document.documentElement.outerHTML.includes("hunter2")`:                                                                                "false",
		`/[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069]/.test(document.documentElement.outerHTML)`:                                     "false",
		`document.documentElement.scrollWidth <= 400`:                                                                                           "true",
	} {
		if got := b.ask(expression); got != want {
			t.Errorf("%s is %s, want %s", expression, got, want)
		}
	}
	// Each host's own page, too.
	links := b.ask(`[...document.querySelectorAll("table.hosts a")].map(a => a.href).join(" ")`)
	for link := range strings.FieldsSeq(links) {
		b.do(chromedp.Navigate(link), chromedp.WaitVisible("h2.one"))
		if got := b.ask(`document.documentElement.scrollWidth`); got > "400" || len(got) != 3 {
			t.Errorf("%s is %s wide", link, got)
		}
	}
	b.clean()
}

func TestThePageFitsNarrowAndWideWindows(t *testing.T) {
	b := open(t)
	w := newWorld(t, pool.Options{MaxPerHost: 9, AlwaysCaller: true})
	b.do(chromedp.Navigate(serve(t, w.pool)))
	w.closesUnread(5)
	w.neverCloses(5)
	w.keepsNone(5)
	b.wait("load", section("h-leaks"), "dropped body")
	for _, width := range []int64{320, 400, 700, 768, 1024, 1080, 1280, 1600, 2560} {
		b.size(width, 900)
		for _, media := range []string{"screen", "print"} {
			b.scheme("light", media)
			if got := b.ask(`document.documentElement.scrollWidth - document.documentElement.clientWidth`); got != "0" && (media == "screen" || width > 900) {
				t.Errorf("at %d px on %s the body scrolls by %s px", width, media, got)
			}
		}
	}
	b.clean()
}

// What the page says must be legible: contrasts of the text on what it lies on, by WCAG 2.
func TestTextIsLegible(t *testing.T) {
	b := open(t)
	w := newWorld(t, pool.Options{AlwaysCaller: true})
	b.do(chromedp.Navigate(serve(t, w.pool)))
	w.closesUnread(5)
	w.neverCloses(5)
	b.wait("load", section("h-leaks"), "dropped body")
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme, "screen")
		if got := b.ask(contrasts); got != "" {
			t.Errorf("%s: %s", scheme, got)
		}
	}
}

// contrasts are the texts with less than 4.5 to 1.
const contrasts = `(() => {
	const rgb = s => s.match(/[\d.]+/g).map(Number);
	const light = c => c.slice(0, 3).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((n, v, i) => n + v * [0.2126, 0.7152, 0.0722][i], 0);
	const under = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
	const bad = new Set();
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.textContent.trim() || e.closest("svg, script, noscript, [hidden]")) continue;
		const a = light(rgb(getComputedStyle(e).color)), b = light(under(e));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) bad.add(e.tagName + "." + e.className + " " + ratio.toFixed(2));
	}
	return [...bad].join(", ");
})()`
