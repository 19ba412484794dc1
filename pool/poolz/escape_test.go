package poolz

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// hostile is a page of a Pool that was sent to host, with this path and method, and asked for
// query: as HTML and as JSON.
func hostile(t *testing.T, method, host, path, query string) (html, asJSON []byte) {
	t.Helper()
	p := pool.New(pool.Options{AlwaysCaller: true})
	defer p.Close()
	v := newViewer(p)
	defer v.in.Watch(watcher(v))()
	rt := p.Middleware(roundtripper.Func(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Fails") != "" {
			return nil, errors.New("no")
		}
		return stub.Transport{}.RoundTrip(r)
	}))
	req := to(method, host, path)
	stub.Do(rt, req)
	req = to(method, host, path)
	req.Header.Set("Fails", "yes")
	rt.RoundTrip(req)
	held, err := rt.RoundTrip(to(method, host, path))
	if err == nil {
		defer held.Body.Close()
	}
	s := take(v.in, p, nil, nil)
	page, ok := v.page(s, asked{query: query})
	if !ok {
		t.Fatal("no page")
	}
	var b bytes.Buffer
	if err := parsePage().ExecuteTemplate(&b, "page", view{page, asked{query: query}, false}); err != nil {
		t.Fatal(err)
	}
	asJSON, err = json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), asJSON
}

// skeleton are the tags of a page, each with the names of its attributes.
func skeleton(html []byte) (tags []string) {
	for {
		_, rest, ok := bytes.Cut(html, []byte("<"))
		if !ok {
			return tags
		}
		var tag []byte
		quoted, text := byte(0), false // within quotes; text: of a value
		i := 0
		for ; i < len(rest) && (quoted != 0 || rest[i] != '>'); i++ {
			switch c := rest[i]; {
			case quoted != 0:
				if c == quoted {
					quoted, text = 0, false
				}
			case c == '"', c == '\'':
				quoted, text = c, true
			case !text:
				tag = append(tag, c)
			}
		}
		tags = append(tags, string(tag))
		html = rest[i:]
	}
}

func FuzzHostileNamesStayText(f *testing.F) {
	f.Add("GET", "api.example", "/v1/users", "api")
	f.Add("GET", `"><script>alert(1)</script>`, `/"><img src=x onerror=alert(1)>`, `"><b>`)
	f.Add("<b>", "a'b` onmouseover=alert(1) x=", "/{{.}}", "</main>")
	f.Add("GET", "\u202egpj.exe\u2066", "/\x00\x1b[31m\u200b\r\nSet-Cookie: x", "\u202e")
	f.Add("GET", "user:hunter2@api.example", "/a?token=hunter2#hunter2", "")
	f.Add("GET", "\xff\xfe", "/\xc0\x80", "\xf0\x28")
	f.Add("GET", strings.Repeat("long", 90)+".example", "/"+strings.Repeat("x", 5000), "")
	f.Add("GET", "javascript:alert(1)//", "javascript:alert(1)", "javascript:")
	f.Fuzz(func(t *testing.T, method, host, path, query string) {
		if host == "" || len(host) > 400 || len(query) > queryMost || strings.TrimSpace(query) != query {
			return // what a page leaves out changes its tags, too
		}
		html, asJSON := hostile(t, method, host, path, query)
		// The search may find the host or not, and a name may be one that the base's hosts are not
		// forgotten under; what a harmless one gives in its place is the measure.
		plainQuery := ""
		if query != "" {
			plainQuery = "zzz"
			if strings.Contains(strings.ToLower(hostKey(host)), strings.ToLower(query)) {
				plainQuery = "harmless"
			}
		}
		plain, _ := hostile(t, "GET", "harmless.example", "/", plainQuery)
		got, want := skeleton(html), skeleton(plain)
		if !slices.Equal(got, want) {
			i := 0
			for i < min(len(got), len(want)) && got[i] == want[i] {
				i++
			}
			t.Errorf("%d tags, want %d; the first that differs: %q, want %q\n%s", len(got), len(want), tagAt(got, i), tagAt(want, i), html)
		}
		for name, text := range map[string][]byte{"HTML": html, "JSON": asJSON} {
			if !utf8.Valid(text) {
				t.Errorf("the %s is no text", name)
			}
			for _, r := range string(text) {
				if r != '\n' && r != '\u202f' && !unicode.IsPrint(r) {
					t.Errorf("the %s has %U", name, r)
					break
				}
			}
		}
	})
}

func hostKey(host string) string {
	p := pool.New(pool.Options{})
	defer p.Close()
	stub.Do(p.Middleware(stub.Transport{}), to("GET", host, "/"))
	for _, h := range p.Stats().Hosts {
		return h.Host
	}
	return ""
}

func tagAt(tags []string, i int) string {
	if i < len(tags) {
		return tags[i]
	}
	return ""
}

func TestSecretsAreNotShown(t *testing.T) {
	for _, row := range [][3]string{
		{"user:hunter2@api.example", "/", ""},
		{"api.example", "/a?token=hunter2", ""},
		{"api.example", "/a#hunter2", ""},
	} {
		html, asJSON := hostile(t, "GET", row[0], row[1], row[2])
		if bytes.Contains(html, []byte("hunter2")) || bytes.Contains(asJSON, []byte("hunter2")) {
			t.Errorf("%q: the page shows the secret", row)
		}
		if !bytes.Contains(html, []byte("api.example")) {
			t.Errorf("%q: the page does not show the host: the test shows nothing", row)
		}
	}
}

func TestTextIsCleaned(t *testing.T) {
	for _, row := range []struct{ in, want string }{
		{"api.example", "api.example"},
		{"a\u202eb", `a\u202eb`},
		{"a\x00\x1b\n", `a\u0000\u001b\u000a`},
		{"\xff", `\xff`},
		{"\uFFFD", "\uFFFD"},
		{"bücher.example", "bücher.example"},
		{"e\u0301", `e\u0301`},
		{"a\u00a0b\u3000", `a\u00a0b\u3000`},
	} {
		if got := clean(row.in); got != row.want {
			t.Errorf("clean(%q) = %q, want %q", row.in, got, row.want)
		}
	}
	for _, long := range []string{strings.Repeat("x", 10_000_000), strings.Repeat("\u202e", 1000), strings.Repeat("ü", 161)} {
		got := clean(long)
		if n := utf8.RuneCountInString(got); n > 6*textMost || !strings.Contains(got, "…") {
			t.Errorf("%d runes of a long text", n)
		}
	}
}
