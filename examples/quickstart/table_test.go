package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTableFitsAPage(t *testing.T) {
	rsts, fds := int64(12345), 1010
	r := &row{
		Incident: "I3", Variant: before, TLS: true, Requests: 12345, Connections: 12345, ReusedPct: 99.5,
		Sockets: &sockets{Client: states{"established": 500, "time_wait": 1246, "close_wait": 10}, Server: states{"established": 500}},
		RSTs:    &rsts, Goroutines: 1502, Descriptors: &fds, P50: 123.4, P99: 98765, RPS: 24307, OK: true,
	}
	var out bytes.Buffer
	if err := writeTable(&out, []*row{r}, nil); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(line); n > 150 {
			t.Errorf("a line has %d characters: %s", n, line)
		}
	}
	if !strings.Contains(out.String(), "est 500/500 tw 1246/0 cw 10/0") {
		t.Errorf("no sockets in\n%s", out.String())
	}
}

func TestUnknownNumbersAreADashAndNull(t *testing.T) {
	r := &row{Incident: "I1", Variant: after, Fail: "why"}
	var out bytes.Buffer
	if err := writeTable(&out, []*row{r}, nil); err != nil {
		t.Fatal(err)
	}
	line := strings.Split(out.String(), "\n")[1]
	if f := strings.Fields(line); f[7] != "-" || f[8] != "-" || !strings.HasSuffix(line, "FAIL: why") {
		t.Errorf("row is %q", line)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{`"sockets":null`, `"rsts":null`, `"descriptors":null`, `"fail":"why"`} {
		if !strings.Contains(string(b), field) {
			t.Errorf("no %s in %s", field, b)
		}
	}
}

func TestLatenciesAreShort(t *testing.T) {
	for us, want := range map[float64]string{0: "0µs", 123.4: "123µs", 1234: "1.2ms", 23456: "23ms", 1.5e6: "1.5s"} {
		if got := latency(us); got != want {
			t.Errorf("latency(%v) is %q, want %q", us, got, want)
		}
	}
}
