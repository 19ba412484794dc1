package poolz

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

func TestThePageTellsOfConnectionsAndWhyTheyWereNew(t *testing.T) {
	srv := server(t, testserver.Options{})
	p := newPool(t, pool.Options{MaxPerHost: 7, AlwaysCaller: true})
	h := Handler(p)
	if got := read(t, h, "/"); got.HostCount != 0 || got.Hosts == nil || got.Version != 1 {
		t.Errorf("of a new Pool: %+v", got)
	}
	rt := p.Middleware(srv.Transport())
	for range 3 {
		closeUnread(t, rt, srv.URL+"/long?key=hunter2")
	}
	get(t, rt, srv.URL)
	get(t, rt, srv.URL)
	resp, err := rt.RoundTrip(to("GET", srv.Addr, "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	var all page
	eventually.True(t, "the connections are closed", func() bool {
		all = read(t, h, "/")
		return all.Pool.Closed == 3
	})
	if len(all.Hosts) != 1 || all.Hosts[0].Host != srv.URL {
		t.Fatalf("hosts: %+v", all.Hosts)
	}
	of := all.Hosts[0]
	if of.Requests != 6 || of.Limit != 7 || of.InUse != 1 || of.New["body_unread"] != 3 || of.New["first"] != 1 || of.Lost["body_unread"] != 3 {
		t.Errorf("figures: %+v", of.figures)
	}
	if r := of.Reuse; r == nil || *r < 0.199 || *r > 0.201 {
		t.Errorf("reuse is %v, want 1 of the 5 that have ended", r)
	}
	if len(all.Costs) != 1 || all.Costs[0].Connections != 3 || all.Costs[0].Reason != "body_unread" || !strings.Contains(all.Costs[0].Caller, "closeUnread") {
		t.Errorf("costs: %+v", all.Costs)
	}
	if len(all.Undrained) != 1 || all.Undrained[0].Count != 3 || !strings.Contains(all.Undrained[0].Caller, "helpers_test.go") || all.Undrained[0].Path != "/long" {
		t.Errorf("undrained: %+v", all.Undrained)
	}
	i := slices.IndexFunc(all.Events, func(e happens) bool { return e.What == eventNew })
	if i < 0 || all.Events[i].Reason != "body_unread" || all.Events[i].Count != 3 || !strings.Contains(all.Events[i].Culprit, "closeUnread") {
		t.Errorf("events: %+v", all.Events)
	}
	if len(all.InFlight) != 1 || !all.InFlight[0].Answered {
		t.Errorf("in flight: %+v", all.InFlight)
	}
	if all.Connections != nil {
		t.Errorf("connections of no host: %+v", all.Connections)
	}

	one := read(t, h, "/?host="+srv.URL)
	if len(one.Connections) != 1 || one.Connections[0].State != "active" || one.Connections[0].Uses != 3 || one.Connections[0].Remote != srv.Addr {
		t.Errorf("connections: %+v", one.Connections)
	}
	if c := one.Connections[0]; runtime.GOOS == "linux" && (c.RTTSeconds == nil || *c.RTTSeconds == 0 || c.Retransmits == nil) {
		t.Errorf("no round trip: %+v", c)
	}
	if w := ask(h, "/?host=http://nowhere.example:80"); w.Code != http.StatusNotFound {
		t.Errorf("a host that is not there: %d", w.Code)
	}
	for _, target := range []string{"/", "/?format=json", "/?host=" + srv.URL} {
		if text := ask(h, target).Body.String(); strings.Contains(text, "hunter2") {
			t.Errorf("%s shows the value of a query", target)
		}
	}
}

// An SDK has one call site for all hosts: the page of a host must not lose it, and names no
// call site that has cost other hosts' connections alone.
func TestThePageOfAHostHasTheCulpritsOfSeveral(t *testing.T) {
	srv := server(t, testserver.Options{Memory: true})
	p := newPool(t, pool.Options{})
	rt := p.Middleware(srv.Transport())
	for i := range 6 {
		closeUnread(t, rt, []string{"http://one.example/long", "http://two.example/long"}[i%2])
	}
	get(t, rt, "http://good.example/")
	h := Handler(p)
	for host, want := range map[string]int{"one": 1, "two": 1, "good": 0} {
		at := "/?host=http://" + host + ".example:80"
		costs := read(t, h, at).Costs
		if len(costs) != want || want == 1 && (costs[0].Host != "" || costs[0].Reason != "body_unread" || !strings.Contains(costs[0].Caller, "closeUnread")) {
			t.Errorf("%s: costs %+v, want %d of several hosts", host, costs, want)
		}
		if several := strings.Contains(ask(h, at).Body.String(), ">several hosts<"); several != (want == 1) {
			t.Errorf("%s: the page says several hosts: %v", host, several)
		}
	}
}

// Leaks are written down before anybody looks.
func TestALeakBeforeTheFirstLookIsShown(t *testing.T) {
	srv := server(t, testserver.Options{})
	p := newPool(t, pool.Options{})
	rt := p.Middleware(srv.Transport())
	forget(t, rt, srv.Addr)
	eventually.Collected(t, "the leak is found", func() bool {
		return p.Stats().Leaks == 1
	})
	got := read(t, Handler(p), "/")
	if len(got.Leaks) != 1 || got.Leaks[0].Kind != "dropped" || got.Leaks[0].Host != srv.URL || !strings.Contains(got.Leaks[0].Caller, "poolz.forget") {
		t.Errorf("leaks: %+v", got.Leaks)
	}
}

func forget(t *testing.T, rt http.RoundTripper, addr string) {
	if _, err := rt.RoundTrip(to("GET", addr, "/")); err != nil {
		t.Fatal(err)
	}
}

func TestABaseThatThePoolDoesNotOwnIsShown(t *testing.T) {
	p := newPool(t, pool.Options{})
	h := Handler(p)
	rt := p.Middleware(roundtripper.Func(func(r *http.Request) (*http.Response, error) {
		if r.Method == "POST" {
			return nil, errors.New("secret text of the server's")
		}
		return stub.Transport{}.RoundTrip(r)
	}))
	read(t, h, "/")
	if err := stub.Do(rt, to("GET", "observed.example", "/")); err != nil {
		t.Fatal(err)
	}
	rt.RoundTrip(to("POST", "observed.example", "/orders"))
	var got page
	eventually.True(t, "the next sample is taken", func() bool {
		got = read(t, h, "/")
		return got.Pool.Requests == 2
	})
	got = read(t, h, "/?host=http://observed.example:80")
	if of := got.Hosts[0]; of.Watched || of.Requests != 2 || len(got.Connections) != 0 {
		t.Errorf("%+v, connections %v", of, got.Connections)
	}
	if len(got.Events) != 1 || got.Events[0].What != eventFailed || got.Events[0].Path != "/orders" {
		t.Errorf("events: %+v", got.Events)
	}
	if text := ask(h, "/").Body.String(); strings.Contains(text, "secret") {
		t.Error("the page has the text of an error")
	}
}

func TestRefusalsAreEvents(t *testing.T) {
	p := newPool(t, pool.Options{MaxPerHost: 1, MaxWaiting: -1})
	h := Handler(p)
	rt := p.Middleware(stub.Transport{})
	resp, err := rt.RoundTrip(to("GET", "busy.example", "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read(t, h, "/")
	if _, err := rt.RoundTrip(to("GET", "busy.example", "/")); !errors.Is(err, pool.ErrQueueFull) {
		t.Fatal(err)
	}
	var got page
	eventually.True(t, "the next sample is taken", func() bool {
		got = read(t, h, "/")
		return got.Pool.QueueFull == 1
	})
	if len(got.Events) != 1 || got.Events[0].What != eventRefused || got.Events[0].Reason != "queue_full" || got.Events[0].Host != "http://busy.example:80" {
		t.Errorf("events: %+v", got.Events)
	}
}

func TestItIsReadOnly(t *testing.T) {
	h := Handler(newPool(t, pool.Options{}))
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE", "nonsense"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow: %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	resp, err := http.Head(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ContentLength < 1000 {
		t.Errorf("HEAD: %d with %d bytes", resp.StatusCode, resp.ContentLength)
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	h := Handler(newPool(t, pool.Options{}))
	read(t, h, "/") // from then on it is known which hosts there are
	for target, typ := range map[string]string{
		"/": "text/html; charset=utf-8", "/?format=json": "application/json; charset=utf-8", "/?asset=poolz.css": "text/css; charset=utf-8",
		"/?asset=poolz.js": "text/javascript; charset=utf-8", "/?asset=icon.svg": "image/svg+xml",
		"/?asset=../handler.go": "text/plain; charset=utf-8", "/?asset=page.tmpl": "text/plain; charset=utf-8",
		"/?format=xml": "text/plain; charset=utf-8", "/?host=none": "text/plain; charset=utf-8",
		"/?q=" + strings.Repeat("x", 201): "text/plain; charset=utf-8",
	} {
		w := ask(h, target)
		if isPlain := strings.HasPrefix(typ, "text/plain"); (w.Code != http.StatusOK) != isPlain {
			t.Errorf("%.40s: %d", target, w.Code)
		}
		for name, want := range map[string]string{
			"Content-Type": typ, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cross-Origin-Resource-Policy": "same-origin", "Content-Security-Policy": policy,
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%.40s: %s is %q, want %q", target, name, got, want)
			}
		}
	}
	if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("the policy is %q", policy)
	}
}

// What the policy forbids is not there, and links lead to where the page is.
func TestThePageHasNothingInline(t *testing.T) {
	p := newPool(t, pool.Options{})
	rt := p.Middleware(stub.Transport{})
	stub.Do(rt, to("GET", "api.example", "/"))
	h := http.StripPrefix("/deep/down", Handler(p))
	for _, target := range []string{"/deep/down", "/deep/down/", "/deep/down/?host=http://api.example:80&refresh=0"} {
		w := ask(h, target)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d", target, w.Code)
		}
		text := w.Body.String()
		for _, bad := range []string{" style=", " onclick=", "javascript:", "<style", "<script>"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %q", target, bad)
			}
		}
		links := regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(text, -1)
		if len(links) < 6 {
			t.Errorf("%s: %d links", target, len(links))
		}
		for _, m := range links {
			if m[1] != "" && !strings.HasPrefix(m[1], "?") {
				t.Errorf("%s: the link %q leads away from where the page is mounted", target, m[1])
			}
		}
	}
}

func TestJSONIsForThoseWhoAskForIt(t *testing.T) {
	h := Handler(newPool(t, pool.Options{}))
	for _, row := range []struct {
		target, accept string
		json           bool
	}{
		{"/", "", false},
		{"/", "*/*", false},
		{"/", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},
		{"/", "application/json", true},
		{"/", "application/json, text/plain, */*", false},
		{"/", "application/json;q=0.9, */*;q=0.1", true},
		{"/", "application/*", true},
		{"/", "text/html;q=0.5, application/json", true},
		{"/", "text/html;q=0, */*", true},
		{"/", "nonsense;;;, application/json;q=x", false},
		{"/?format=json", "text/html", true},
		{"/?format=html", "application/json", false},
	} {
		typ := ask(h, row.target, "Accept", row.accept).Header().Get("Content-Type")
		if got := strings.HasPrefix(typ, "application/json"); got != row.json {
			t.Errorf("%s, Accept: %s: %s", row.target, row.accept, typ)
		}
	}
}

// The package's document names each field, and the page has a new version if one goes.
func TestTheFieldsOfJSONAreDocumented(t *testing.T) {
	srv := server(t, testserver.Options{})
	p := newPool(t, pool.Options{AlwaysCaller: true, LeakAfter: time.Hour})
	h := Handler(p)
	read(t, h, "/")
	rt := p.Middleware(srv.Transport())
	closeUnread(t, rt, srv.URL+"/long")
	closeUnread(t, rt, srv.URL+"/long")
	forget(t, rt, srv.Addr)
	eventually.Collected(t, "the leak is found", func() bool {
		return p.Stats().Leaks == 1
	})
	resp, err := rt.RoundTrip(to("GET", srv.Addr, "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	var got any
	eventually.True(t, "a sample has it all", func() bool { return read(t, h, "/").Pool.InUse == 1 })
	if err := json.Unmarshal(ask(h, "/?format=json&host="+srv.URL).Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{"query": true} // only there if it was asked for
	fields("", got, have)
	want := make(map[string]bool)
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = bytes.Cut(text, []byte("# JSON"))
	for _, m := range regexp.MustCompile(`(?m)^//\t((?:[a-z_.]+, )*[a-z_.]+) +\S`).FindAllSubmatch(text, -1) {
		for f := range strings.SplitSeq(string(m[1]), ", ") {
			want[f] = true
		}
	}
	for f := range have {
		if !want[f] {
			t.Errorf("%s is not documented", f)
		}
	}
	for f := range want {
		if !have[f] {
			t.Errorf("%s is documented, and not there", f)
		}
	}
}

// fields are the paths in v. What is counted by reason has words of its own.
func fields(at string, v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			path := strings.TrimPrefix(at+"."+name, ".")
			if strings.HasSuffix(at, "by_reason") {
				continue
			}
			path = strings.ReplaceAll(path, "pool.", "")
			path = strings.ReplaceAll(path, "hosts.", "")
			list, isList := x.([]any)
			_, isObject := x.(map[string]any)
			if isList && len(list) > 0 {
				_, isObject = list[0].(map[string]any)
			}
			if !isObject || strings.HasSuffix(name, "by_reason") {
				into[path] = true
			}
			fields(path, x, into)
		}
	case []any:
		for _, x := range v {
			fields(at, x, into)
		}
	}
}

func TestHostsAreFoundByAPartOfTheirNames(t *testing.T) {
	p := newPool(t, pool.Options{})
	rt := p.Middleware(stub.Transport{})
	for _, name := range []string{"a.example", "b.example", "API.internal"} {
		stub.Do(rt, to("GET", name, "/"))
	}
	h := Handler(p)
	if got := read(t, h, "/?q=api"); got.Matching != 1 || len(got.Hosts) != 1 || got.Hosts[0].Host != "http://api.internal:80" || got.HostCount != 3 {
		t.Errorf("%d match: %+v", got.Matching, got.Hosts)
	}
	if got := read(t, h, "/?q=nothing"); got.Matching != 0 || len(got.Hosts) != 0 {
		t.Errorf("%d match: %+v", got.Matching, got.Hosts)
	}
}

func TestEveryReasonIsExplained(t *testing.T) {
	for r := loss.First; r < loss.Reasons; r++ {
		if e := explain(r.String()); e.kind == kindUnknown && r != loss.Unknown || e.text == "" {
			t.Errorf("%s is not explained", r)
		}
	}
}

// What package trace documents of error.type has a kind, and the page does not say of every
// failure that it was the network's.
func TestEveryFailureIsExplained(t *testing.T) {
	text, err := os.ReadFile("../../trace/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "error.type is the status code")
	list, _, found := strings.Cut(after, " and _OTHER")
	if !found {
		t.Fatal("trace/doc.go has no list of classes")
	}
	list = regexp.MustCompile(`\([^)]*\)|\n//|one of`).ReplaceAllString(list[strings.Index(list, "one of"):], " ")
	classes := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	for _, class := range classes {
		if _, ok := failures[class]; !ok {
			t.Errorf("%q is not explained", class)
		}
	}
	if len(classes) != len(failures) {
		t.Errorf("%d classes are documented and %d explained: %q", len(classes), len(failures), classes)
	}
	for class, want := range map[string]string{
		"canceled": "k-client", "malformed": "k-server", "reset": "k-network", "_OTHER": "k-unknown", `<a class="x">`: "k-unknown",
	} {
		if text := string(failureOf(class)); !strings.Contains(text, `class="reason `+want+`"`) || strings.Contains(text, "<a") {
			t.Errorf("%s: %s", class, text)
		}
	}
}

// Where the kernel says nothing of a connection, neither does the page.
func TestWhatTheKernelDoesNotSayIsNull(t *testing.T) {
	for _, row := range []struct {
		info      pool.ConnInfo
		json      string
		sentAgain int
	}{
		{pool.ConnInfo{}, `"rtt_seconds":null,"retransmits":null`, 0},
		{pool.ConnInfo{RTT: time.Millisecond}, `"rtt_seconds":0.001,"retransmits":0`, 0},
		{pool.ConnInfo{RTT: time.Second, Retransmits: 3}, `"rtt_seconds":1,"retransmits":3`, 3},
	} {
		c := connOf(row.info)
		text, err := json.Marshal(c)
		if err != nil || !strings.Contains(string(text), row.json) || c.SentAgain() != row.sentAgain {
			t.Errorf("%s, %v: want %s and %d", text, err, row.json, row.sentAgain)
		}
	}
}

// However many transports there are, no more connections of a host are looked at than a page
// lists: those of the lowest IDs, at each look the same.
func TestConnectionsOfAHostAreBoundedOverAllTransports(t *testing.T) {
	srv := server(t, testserver.Options{})
	p := newPool(t, pool.Options{})
	for range 3 {
		rt := p.Middleware(srv.Transport())
		if n, err := p.Warm(t.Context(), rt, srv.URL, 2); n != 2 || err != nil {
			t.Fatalf("%d are warm: %v", n, err)
		}
		defer runtime.KeepAlive(rt)
	}
	of := newViewer(p).in
	all := of.ConnsTo(srv.URL, connsMost)
	if len(all) != 6 {
		t.Fatalf("%d connections, want 6", len(all))
	}
	for range 5 {
		some := of.ConnsTo(srv.URL, 3)
		if len(some) != 3 {
			t.Fatalf("%d connections, want 3", len(some))
		}
		for i, c := range some {
			if c.ID != all[i].ID {
				t.Errorf("connection %d has the ID %d, want %d", i, c.ID, all[i].ID)
			}
		}
	}
}

// A program that has no OnLeak does not have its transports looked at, until somebody looks.
func TestPlacesThatMakeTransportsAreFoundOnceSomebodyLooks(t *testing.T) {
	srv := server(t, testserver.Options{})
	p := newPool(t, pool.Options{})
	h := Handler(p)
	fetch := func(times int) {
		for range times {
			get(t, p.Middleware(srv.Transport()), srv.URL)
			runtime.GC() // so that those that were dropped are known to be
		}
	}
	fetch(40)
	if got := read(t, h, "/"); len(got.Leaks) != 0 {
		t.Errorf("before the first look: %+v", got.Leaks)
	}
	eventually.True(t, "the place is found", func() bool {
		fetch(20)
		got := read(t, h, "/")
		return len(got.Leaks) == 1 && got.Leaks[0].Kind == "transports" && got.Leaks[0].Transports >= 20 && strings.Contains(got.Leaks[0].Caller, "page_test.go")
	})
}
