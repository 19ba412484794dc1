package main_test

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	main "github.com/warmconn/warmconn/pool/poolbudget"
	"github.com/warmconn/warmconn/roundtripper"
)

// asCommand is the variable of the environment that makes the command of the test.
const asCommand = "POOLBUDGET_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		flag.CommandLine = flag.NewFlagSet(os.Args[0], flag.ExitOnError) // without those of go test
		main.Main()
		return
	}
	os.Exit(m.Run())
}

// budget runs the command.
func budget(t *testing.T, in string, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.Stdin = strings.NewReader(in)
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// closesUnread is the culprit.
func closesUnread(t *testing.T, c *http.Client, url string) {
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// reads is nobody's fault.
func reads(t *testing.T, c *http.Client, url string) {
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// written is what a program writes that has sent so many requests to each URL: those to a
// /long were closed unread, the others read.
func written(t *testing.T, requests ...any) string {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			w.Header().Set("Content-Length", "1000000000")
		}
		w.Write(make([]byte, 4096))
	}), testserver.Options{Memory: true})
	t.Cleanup(srv.Close)
	p := pool.New(pool.Options{})
	t.Cleanup(func() { p.Close() })
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
	defer client.CloseIdleConnections() // when its figures are written, and not by the collector before
	for i := 0; i < len(requests); i += 2 {
		url := requests[i].(string)
		send := reads
		if strings.HasSuffix(url, "/long") {
			send = closesUnread
		}
		for range requests[i+1].(int) {
			send(t, client, url)
		}
	}
	text, err := json.Marshal(p.Stats())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestBudgetPassesWhereConnectionsAreReused(t *testing.T) {
	out, code := budget(t, written(t, "http://good.example/", 40), "-max", "0.05")
	if want := "poolbudget: 1 new connections for 40 requests, 0.025 for each: within the budget of 0.05\n"; out != want || code != 0 {
		t.Errorf("got %q and exit code %d, want %q and 0", out, code, want)
	}
}

func TestBudgetFailsWithTheCulprits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stats.json")
	if err := os.WriteFile(file, []byte(written(t, "http://good.example/", 40, "http://bad.example/long", 10)), 0o644); err != nil {
		t.Fatal(err)
	}
	out, code := budget(t, "", "-max", "0.05", file)
	if code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	t.Logf("printed\n%s", out)
	for _, want := range []string{
		`^poolbudget: 11 new connections for 50 requests, 0\.22 for each: over the budget of 0\.05\n`,
		`\n9 +\S+ +body_unread +http://bad\.example:80 +\S+main_test\.go:\d+ \S+\.closesUnread\n`,
		`\n2 +\S+ +first +several hosts *\n`,
		`\n10 +10 +http://bad\.example:80 +9 body_unread, 1 first\n1 +40 +http://good\.example:80 +1 first\n$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("it does not print %s", want)
		}
	}
	if strings.Contains(out, ".reads") {
		t.Error("it names a call site that has cost nothing")
	}
}

func TestBudgetIsOfTheHostsThatAreNamed(t *testing.T) {
	stats := written(t, "http://good.example/", 40, "http://bad.example/long", 10)
	for _, v := range []struct {
		hosts []string
		code  int
		want  string
	}{
		{[]string{"good.example"}, 0, "1 new connections for 40 requests"},
		{[]string{"good.example:80"}, 0, "1 new connections for 40 requests"},
		{[]string{"http://good.example:80"}, 0, "1 new connections for 40 requests"},
		{[]string{"bad.example"}, 1, "10 new connections for 10 requests"},
		{[]string{"good.example", "bad.example"}, 1, "11 new connections for 50 requests"},
		{[]string{"other.example"}, 1, "0 requests, want 1 or more"},
		{[]string{"example"}, 1, "0 requests, want 1 or more"},
	} {
		args := []string{"-max", "0.05"}
		for _, h := range v.hosts {
			args = append(args, "-host", h)
		}
		out, code := budget(t, stats, append(args, "-")...)
		if code != v.code || !strings.Contains(out, v.want) {
			t.Errorf("%q: exit code %d, want %d and %q in\n%s", v.hosts, code, v.code, v.want, out)
		}
		if v.hosts[0] == "bad.example" && (!strings.Contains(out, "closesUnread") || strings.Contains(out, "good.example")) {
			t.Errorf("%q: want its culprit and no other host in\n%s", v.hosts, out)
		}
	}
}

// An SDK has one call site, whatever the host: what it costs one of them is not to vanish
// behind the others.
func TestBudgetOfAHostNamesCulpritsOfSeveral(t *testing.T) {
	stats := written(t, "http://good.example/", 40, "http://bad.example/long", 10, "http://worse.example/long", 30)
	for _, v := range []struct {
		host, want string
		not        []string
	}{
		{"bad.example", `(?s)^poolbudget: 10 new .*` +
			`\n38 +\S+ +body_unread +several hosts +\S+main_test\.go:\d+ \S+\.closesUnread\n3 +\S+ +first +several hosts *\n` +
			`.*\n10 +10 +http://bad\.example:80 +9 body_unread, 1 first\n$`, []string{"good.example", "worse.example"}},
		{"good.example", `(?s)^poolbudget: 1 new .*\n3 +\S+ +first +several hosts *\n.*\n1 +40 +http://good\.example:80 +1 first\n$`,
			[]string{"bad.example", "closesUnread", "body_unread"}},
	} {
		out, code := budget(t, stats, "-max", "0", "-host", v.host)
		if code != 1 || !regexp.MustCompile(v.want).MatchString(out) {
			t.Errorf("%s: exit code %d, want 1 and %s in\n%s", v.host, code, v.want, out)
		}
		for _, not := range v.not {
			if strings.Contains(out, not) {
				t.Errorf("%s: %s in\n%s", v.host, not, out)
			}
		}
	}
}

// The reasons of a host add up to what it has opened.
func TestBudgetTellsOfConnectionsThatNoRequestHas(t *testing.T) {
	out, _ := budget(t, `{"Opened": 7, "Requests": 2, "Hosts": [{"Host": "http://a:80", "Opened": 7, "Requests": 2, "New": {"first": 1, "timeout": 2}}]}`, "-max", "0.5")
	if !strings.HasSuffix(out, "http://a:80  2 timeout, 1 first, 4 other\n") {
		t.Errorf("printed\n%s", out)
	}
}

func TestBudgetJudgesByEnoughRequests(t *testing.T) {
	stats := written(t, "http://good.example/", 5)
	if out, code := budget(t, stats, "-max", "1", "-min", "5"); code != 0 {
		t.Errorf("exit code %d with as many requests as it takes:\n%s", code, out)
	}
	out, code := budget(t, stats, "-max", "1", "-min", "6")
	if want := "poolbudget: 5 requests, want 6 or more to judge by\n"; code != 1 || out != want {
		t.Errorf("exit code %d and %q, want 1 and %q", code, out, want)
	}
}

// A page for people may spell the names otherwise, and have more beside them.
func TestBudgetReadsStatsOfOthers(t *testing.T) {
	for _, in := range []string{
		`{"opened": 3, "requests": 4, "lost": {"timeout": 2}}`,
		`{"title": "pool", "stats": {"version": 1, "opened": 3, "requests": 4, "lost": {"timeout": 2}}}`,
	} {
		out, code := budget(t, in, "-max", "0.5")
		if code != 1 || !strings.Contains(out, "0.75 for each") || !regexp.MustCompile(`\nclosed +reason\n2 +timeout\n`).MatchString(out) {
			t.Errorf("%s: exit code %d\n%s", in, code, out)
		}
	}
}

func TestBudgetRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for _, v := range []struct {
		name, in string
		args     []string
		want     string
	}{
		{"no budget", "{}", nil, "usage: poolbudget"},
		{"a negative budget", "{}", []string{"-max", "-2"}, "usage: poolbudget"},
		{"no number", "{}", []string{"-max", "NaN"}, "usage: poolbudget"},
		{"two files", "{}", []string{"-max", "1", "a", "b"}, "usage: poolbudget"},
		{"no file", "{}", []string{"-max", "1", "nowhere.json"}, "nowhere.json"},
		{"no JSON", "hello", []string{"-max", "1"}, "no pool.Stats"},
		{"another object", `{"a": 1}`, []string{"-max", "1"}, "no pool.Stats"},
		{"a later version", `{"Version": 2, "Opened": 1, "Requests": 1}`, []string{"-max", "1"}, "version 2"},
		{"two objects", `{"Opened": 1, "Requests": 1}{}`, []string{"-max", "1"}, "behind the first"},
	} {
		if out, code := budget(t, v.in, v.args...); code != 2 || !strings.Contains(out, v.want) {
			t.Errorf("%s: exit code %d, want 2 and %q in\n%s", v.name, code, v.want, out)
		}
	}
}

func TestBudgetPrintsOneLineForWhatHasSeveral(t *testing.T) {
	out, code := budget(t, `{"Opened": 1, "Requests": 1, "NewByCaller": [{"Reason": "timeout", "Caller": "a\nb\u001b[31m", "Conns": 1}]}`, "-max", "0")
	if code != 1 || strings.Contains(out, "a\nb") || strings.Contains(out, "\x1b") {
		t.Errorf("exit code %d\n%q", code, out)
	}
}
