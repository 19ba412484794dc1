package warmconn_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// source is a place where a secret comes into an exchange.
type source struct {
	name string
	// shownBy are the outlets that are there to show it; no others may.
	shownBy []string
}

// sources are all of them. A name that is not here can't be brought in, and one that no
// scene brings in fails.
var sources = []source{
	{name: "user"},
	{name: "password"},
	{name: "user of a host made by hand"},
	{name: "path", shownBy: []string{"url.full", "pooltest", "poolz"}},
	{name: "query value", shownBy: []string{"url.full"}},
	{name: "query value of a credential"},
	{name: "query value of a credential in another spelling"},
	{name: "query of a URL in a query"},
	{name: "fragment"},
	{name: "opaque URL"},
	{name: "Authorization"},
	{name: "Cookie"},
	{name: "Proxy-Authorization"},
	{name: "Referer"},
	{name: "request header"},
	{name: "request trailer"},
	{name: "request body"},
	{name: "error of the request body"},
	{name: "response header"},
	{name: "Set-Cookie"},
	{name: "WWW-Authenticate"},
	{name: "header of a 1xx response"},
	{name: "response trailer"},
	{name: "response body"},
	{name: "reason phrase"},
	{name: "malformed response"},
	{name: "user of the Location"},
	{name: "password of the Location"},
	{name: "path of the Location", shownBy: []string{"url.full"}},
	{name: "token of the Location"},
	{name: "fragment of the Location"},
	{name: "user of the proxy"},
	{name: "password of the proxy"},
	{name: "ProxyConnectHeader"},
	{name: "reason phrase of the proxy"},
	{name: "error of the dialer"},
	{name: "error of a TLS check"},
	{name: "error of the base"},
	{name: "cause of a context"},
	{name: "value of a context"},
	{name: "baggage"},
	{name: "panic value"},
	{name: "URL to warm"},
}

// common is how all canaries begin: long enough for its base64 to come up nowhere by chance.
const common = "cnrycnrycnry"

// aPart stands for the source of a secret that something has cut: which one it was is gone.
const aPart = "part of a secret"

// canary is the secret of a source: it fits wherever a word does.
func canary(source string) string {
	h := fnv.New64a()
	h.Write([]byte(source))
	return fmt.Sprintf("%s%016x", common, h.Sum64())
}

// spellings are a secret as it is and what is often made of one, in lower case.
func spellings(secret string) []string {
	all := []string{secret, hex.EncodeToString([]byte(secret))}
	for _, before := range []string{"", "x", "xx"} {
		text := base64.RawStdEncoding.EncodeToString([]byte(before + secret))
		all = append(all, strings.ToLower(text[4:len(text)-len(text)%4]))
	}
	return all
}

// has reports whether text, in lower case, has one of the spellings.
func has(text string, spellings []string) bool {
	return slices.ContainsFunc(spellings, func(s string) bool { return strings.Contains(text, s) })
}

// finder looks for canaries.
type finder struct {
	any []string
	of  map[string][]string // by source
}

func newFinder() finder {
	start := common[:8]
	f := finder{append(spellings(common), start, hex.EncodeToString([]byte(start))), make(map[string][]string)}
	for _, s := range sources {
		f.of[s.name] = spellings(canary(s.name))
	}
	return f
}

// in are the sources whose secrets are in text, and aPart if there is one more whose end was cut off.
func (f finder) in(text string) (found []string) {
	text = strings.ToLower(text)
	if !has(text, f.any) {
		return nil
	}
	for name, spellings := range f.of {
		if has(text, spellings) {
			found = append(found, name)
			for _, s := range spellings {
				text = strings.ReplaceAll(text, s, " ")
			}
		}
	}
	if has(text, f.any) {
		found = append(found, aPart)
	}
	return found
}

// Whatever comes in, nothing of it leaves by spans, metrics, facts, statistics, errors of
// the kit's own or logs but what an outlet is there to show.
func TestNoSecretLeaves(t *testing.T) {
	l := playScenes(t)
	for _, o := range outlets {
		if !l.alive[o.name] {
			t.Errorf("%s: nothing of what was told has %q: is it listened to still?", o.name, o.control)
		}
	}
	for _, s := range sources {
		if !l.brought[s.name] {
			t.Errorf("no scene brings in: %s", s.name)
		}
		for _, name := range s.shownBy {
			if !l.shown[shown{name, s.name}] {
				t.Errorf("%s does not show the %s: is it brought in still?", name, s.name)
			}
		}
	}
	for _, leak := range l.leaks {
		t.Error(leak)
	}
	t.Logf("no secret leaves: %d kinds of secrets, %d outlets searched, %d leaks", len(sources), len(outlets), len(l.leaks))
}

// TestALeakFromAnyOutletIsSeen: a secret that does leave, by each outlet and in each way
// that finder knows.
func TestALeakFromAnyOutletIsSeen(t *testing.T) {
	f := newFinder()
	for _, o := range outlets {
		for _, s := range sources {
			secret := canary(s.name)
			for _, text := range []string{
				secret, strings.ToUpper(secret), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("%q", secret),
				base64.StdEncoding.EncodeToString([]byte("user:" + secret)), base64.StdEncoding.EncodeToString([]byte("a:" + secret)), base64.URLEncoding.EncodeToString([]byte(secret + ":b")),
			} {
				l := newTeller(f)
				l.say(o.name, "", "before "+text+" after")
				if may := slices.Contains(s.shownBy, o.name); may == (len(l.leaks) == 1) || may != l.shown[shown{o.name, s.name}] {
					t.Errorf("%s, %s, as %s: %q", o.name, s.name, text, l.leaks)
				}
			}
			// What is cut is seen, also beside a whole one that may be shown.
			for _, text := range []string{
				secret[:len(secret)-1], secret[:10], secret + secret[:14], hex.EncodeToString([]byte(secret[:9])),
				base64.StdEncoding.EncodeToString([]byte("user:" + secret[:20])), base64.RawURLEncoding.EncodeToString([]byte("a:" + secret[:20])),
			} {
				l := newTeller(f)
				l.say(o.name, "before "+text)
				if !l.leaked[shown{o.name, aPart}] {
					t.Errorf("%s, %s, as %s: that it is a part is not seen", o.name, s.name, text)
				}
			}
		}
	}
}

// hands is a line of api/ with something that the kit hands out: a function with results
// other than stacks, errors and contexts, or with a place to write to; or a function of
// the program's that is told of something.
var hands = regexp.MustCompile(
	`^func (\([^)]*\) )?\w+(\[.*\])?\(.*\) \(?(string|int|\[\]|[A-Z]|(pool|roundtripper|runtime|slog)\.|http\.Handler)` +
		`|^func .*(slog\.|io\.Writer|testing\.TB|fmt\.State)` +
		`|, \w+ func\(.*\b[A-Z]\w+\)`)

// silent are such lines whose functions tell of no exchange.
var silent = []string{
	"roundtripper: func As[T any](http.RoundTripper) (T, bool)",
	"roundtripper: func Chain(...Middleware) Middleware",
	"roundtripper: func Observe(Observer) Middleware",
	"roundtripper_roundtrippertest: ", // a test kit, of requests of its own
	"drain: func (Policy) String() string",
	"trace: type Options struct, ", // functions that say what goes onto spans, and are given the caller's own
}

// TestEveryOutletIsInTheTable: a function of the API that hands something out is of an
// outlet, or is known to be silent. A new one belongs into outlets, with what it shows.
func TestEveryOutletIsInTheTable(t *testing.T) {
	files, err := filepath.Glob("api/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no API is written down", err)
	}
	all := slices.Clone(silent)
	for _, o := range outlets {
		all = append(all, o.api...)
	}
	seen := make(map[string]bool)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSuffix(filepath.Base(file), ".txt") + ": " + strings.TrimSpace(line)
			i := slices.IndexFunc(all, func(known string) bool {
				return line == known || strings.HasSuffix(known, " ") && strings.HasPrefix(line, known)
			})
			if i >= 0 {
				seen[all[i]] = true
			} else if _, api, _ := strings.Cut(line, ": "); hands.MatchString(api) {
				t.Errorf("%s\nis of no outlet: what it tells must be searched for secrets", line)
			}
		}
	}
	for _, line := range all {
		if !seen[line] {
			t.Errorf("the API has not: %s", line)
		}
	}
}
