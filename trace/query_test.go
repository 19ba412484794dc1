package trace_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/trace"
)

// shown is what url.full shows of a query.
func shown(t *testing.T, o trace.Options, query string) string {
	_, got, _ := strings.Cut(fullURL(t, o, &url.URL{Scheme: "http", Host: "host.example", Path: "/", RawQuery: query}), "?")
	return got
}

// credentials are keys whose values are secret, as their services document them: those
// of presigned URLs of S3 (and S3 Express), Cloud Storage and Azure, of OAuth, SAML and of what the
// issue names.
var credentials = []string{
	"X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "X-Amz-S3session-Token",
	"X-Amz-Server-Side-Encryption-Customer-Key", "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key",
	"AWSAccessKeyId", "Signature", "sig",
	"X-Goog-Signature", "X-Goog-Credential", "X-Goog-Security-Token", "X-Goog-Encryption-Key", "X-Goog-Api-Key", "GoogleAccessId",
	"access_token", "api_key", "apikey", "auth", "client_secret", "code", "hmac", "id_token", "jwt", "key", "password",
	"refresh_token", "secret", "session", "signature", "state", "token", "SAMLResponse",
}

// harmless are keys that stand beside them, and words with a credential's in them.
var harmless = []string{
	"X-Amz-Algorithm", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Content-Sha256", "X-Amz-Checksum-Mode", "x-id", "Expires",
	"X-Goog-Algorithm", "X-Goog-Date", "X-Goog-Expires", "X-Goog-SignedHeaders", "response-content-type", "versionId",
	"sv", "se", "sp", "sr", "page", "q", "zipcode", "statement", "monkey", "author", "tokens_left", "encoded", "sessions", "signal", "",
}

func TestValuesOfCredentialsAreNotShown(t *testing.T) {
	for _, how := range []struct {
		name string
		key  func(string) string
	}{
		{"as it is", func(s string) string { return s }},
		{"capitals", strings.ToUpper},
		{"small letters", strings.ToLower},
		{"one letter encoded", func(s string) string { return "%" + hex(s[0]) + s[1:] }},
		{"all encoded", percent},
		{"small hexadecimal", func(s string) string { return strings.ToLower(percent(s)) }},
		{"twice", func(s string) string { return percent(percent(s)) }},
		{"four times", func(s string) string { return percent(percent(percent(percent(s)))) }},
		{"a plus before", func(s string) string { return "+" + s }},
		{"other separators of words", strings.NewReplacer("_", "-", "-", "_").Replace},
		{"no separators of words", strings.NewReplacer("_", "", "-", "").Replace},
		{"a list", func(s string) string { return s + "[]" }},
		{"a field", func(s string) string { return "user%5B" + s + "%5D" }},
	} {
		for _, key := range credentials {
			key := how.key(key)
			for before, after := range map[string]string{"": "", "a=1&": "&b=2", "a=1;": ";b=2", "a=1?": "?b=2", "&&": "&&", "a=%zz&": "&%"} {
				query := before + key + "=SECRET" + after
				if got, want := shown(t, trace.Options{}, query), before+key+"=REDACTED"+after; got != want {
					t.Errorf("%s: %q is %q, want %q", how.name, query, got, want)
				}
			}
		}
	}
	for _, key := range harmless {
		if got, want := shown(t, trace.Options{}, key+"=value&b"), key+"=value&b"; got != want {
			t.Errorf("%q is %q", want, got)
		}
	}
}

// A presigned URL is often the value of another one's query.
func TestAValueWithACredentialInItIsNotShown(t *testing.T) {
	inner := "https://bucket.example/a?x=1&X-Amz-Signature=SECRET"
	for query, want := range map[string]string{
		"url=" + url.QueryEscape(inner) + "&b=2":         "url=REDACTED&b=2",
		"url=" + url.QueryEscape(url.QueryEscape(inner)): "url=REDACTED",
		"url=https://bucket.example/?token=SECRET":       "url=https://bucket.example/?token=REDACTED",
		"filter=token%3DSECRET":                          "filter=REDACTED",
		"url=" + url.QueryEscape("https://h/?page=2"):    "url=" + url.QueryEscape("https://h/?page=2"),
		"q=a+b%20c":                            "q=a+b%20c",
		"hash=YWJj==":                          "hash=YWJj==",
		"url=https://h/%23access_token=SECRET": "url=REDACTED",
	} {
		if got := shown(t, trace.Options{}, query); got != want {
			t.Errorf("%q is %q, want %q", query, got, want)
		}
	}
}

func TestTheConventionsKeysAndNoOthers(t *testing.T) {
	o := trace.Options{Query: trace.QueryConventions}
	for query, want := range map[string]string{
		"AWSAccessKeyId=s&Signature=s&sig=s&X-Goog-Signature=s": "AWSAccessKeyId=REDACTED&Signature=REDACTED&sig=REDACTED&X-Goog-Signature=REDACTED",
		"X-Amz-Signature=s;X-Amz-Credential=s;%73ig=s":          "X-Amz-Signature=REDACTED;X-Amz-Credential=REDACTED;%73ig=REDACTED",
		"Sig=s&token=t&X-Goog-Credential=c&url=a%3Fsig%3Ds":     "Sig=s&token=t&X-Goog-Credential=c&url=a%3Fsig%3Ds",
	} {
		if got := shown(t, o, query); got != want {
			t.Errorf("%q is %q, want %q", query, got, want)
		}
	}
}

func TestOfAnOmittedQueryNothingIsShown(t *testing.T) {
	o := trace.Options{Query: trace.QueryOmitted, RedactQuery: []string{}}
	for _, u := range []*url.URL{
		{Scheme: "http", Host: "host.example", Path: "/a", RawQuery: "b=c"},
		{Scheme: "http", Host: "host.example", Path: "/a", ForceQuery: true},
	} {
		if got := fullURL(t, o, u); got != "http://host.example/a" {
			t.Errorf("%s is %s", u, got)
		}
	}
}

// percent has each character encoded.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString("%" + hex(s[i]))
	}
	return b.String()
}

func hex(c byte) string {
	const digits = "0123456789ABCDEF"
	return string([]byte{digits[c>>4], digits[c&15]})
}

// Whatever the URL, the value of a credential's key is not shown, nor that of one that
// the program has named, however they are spelled.
func FuzzNoCredentialIsShown(f *testing.F) {
	for i := range credentials {
		f.Add("http://user@host.example/a", "", "", uint8(i), uint32(i)*0x9e3779b9, uint8(i), false)
	}
	f.Add("//h?", "a=b?", "#f", uint8(1), uint32(0), uint8(0), true)
	f.Add("http:opaque", "x=%", "%00&&=", uint8(200), ^uint32(0), uint8(3), true)
	f.Add("http://h/p;v=1?x", "url=http%3A%2F%2Fh%3F", "", uint8(3), uint32(5), uint8(1), false)
	const canary = "cAnArY0123456789"
	usual, conventions := trace.Options{RedactQuery: []string{"MINE too"}}, trace.Options{RedactQuery: []string{"MINE too"}, Query: trace.QueryConventions}
	tellers := map[bool]func(*testing.T, *url.URL) string{false: fullURLs(usual), true: fullURLs(conventions)}
	f.Fuzz(func(t *testing.T, begin, before, after string, which uint8, spelled uint32, times uint8, named bool) {
		keys := append([]string{"mine too"}, credentials...)
		key := []byte(keys[int(which)%len(keys)])
		full := tellers[named]
		if named {
			key = []byte(keys[0])
		}
		var b strings.Builder
		for i, c := range key {
			switch spelled >> (i % 16 * 2) & 3 {
			case 1:
				if 'a' <= c|0x20 && c|0x20 <= 'z' {
					c ^= 0x20
				}
			case 2:
				b.WriteString("%" + hex(c))
				continue
			}
			if c == ' ' {
				c = '+'
			}
			b.WriteByte(c)
		}
		name := b.String()
		for range times % 3 {
			name = percent(name)
		}
		if strings.Contains(begin+before+after, canary) {
			t.Skip()
		}
		u, err := url.Parse(begin)
		if err != nil {
			u = &url.URL{Scheme: "http", Host: "host.example", Path: "/"}
		}
		for _, separator := range "&;" {
			u.RawQuery = before + string(separator) + name + "=" + canary + after
			if got := full(t, u); strings.Contains(got, canary) {
				t.Errorf("%q is %q", u, got)
			}
		}
		if !named { // in a value
			u.RawQuery = "u=" + url.QueryEscape("http://h/?"+name+"="+canary+after)
			if got := full(t, u); strings.Contains(got, canary) {
				t.Errorf("%q is %q", u, got)
			}
		}
	})
}

// Beside what the program has named, all of a query is shown as it is: what is not is
// said here in another way.
func FuzzRedactQuery(f *testing.F) {
	for _, s := range []string{"mine=s", "a=b&mine=s&c", "%6dine=s", "+mine=s", "mine=a=b;mine=", "mine", "&&=;", "%zz=s&mine=s", "Mine=s", "=v",
		"mine%=s", "+x=s", "%256dine=s", "a=b?mine=s", "%252525256dine=s", "%2525256dine=s", "sig=s", "Sig=s", "%73ig=s"} {
		f.Add(s)
	}
	full := fullURLs(trace.Options{Query: trace.QueryConventions, RedactQuery: []string{"Mine", " x"}})
	f.Fuzz(func(t *testing.T, query string) {
		var want strings.Builder
		for rest, more := query, true; more; {
			var part string
			end := strings.IndexAny(rest, "&;?")
			if part, more = rest, end >= 0; more {
				part = rest[:end]
			}
			if key, _, found := strings.Cut(part, "="); found && redacted(key) {
				part = key + "=REDACTED"
			}
			want.WriteString(part)
			if more {
				want.WriteByte(rest[end])
				rest = rest[end+1:]
			}
		}
		_, got, _ := strings.Cut(full(t, &url.URL{Scheme: "http", Host: "host.example", Path: "/", RawQuery: query}), "?")
		if got != want.String() {
			t.Errorf("%q is %q, want %q", query, got, want.String())
		}
	})
}

var escape = regexp.MustCompile("%[0-9A-Fa-f]{2}")

// redacted reports whether FuzzRedactQuery's key is secret: as it is, or decoded up to four
// times, or if that is not enough.
func redacted(key string) bool {
	for range 5 {
		small := strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}, key)
		switch key {
		case "AWSAccessKeyId", "Signature", "sig", "X-Goog-Signature", "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token":
			return true
		}
		if small == "mine" || small == " x" {
			return true
		}
		next := escape.ReplaceAllStringFunc(strings.ReplaceAll(key, "+", " "), func(e string) string {
			s, _ := url.QueryUnescape(e)
			return s
		})
		if next == key {
			return false
		}
		key = next
	}
	return true
}
