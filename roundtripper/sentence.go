package roundtripper

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/warmconn/warmconn/internal/errclass"
	"github.com/warmconn/warmconn/internal/word"
)

// String is the exchange as a line that a person reads, say
//
//	GET api.example:443 200 in 12 ms: new connection (body_unread by list.go:40), TLS 1.3 resumed, 3 ms
//
// It shows nothing that the server sent but the status: of Err only the class, as in
// package trace. What it says, and how, may change.
func (e Exchange) String() string {
	var b strings.Builder
	method := e.Method
	if method == "" {
		method = "GET"
	}
	_, host, ok := strings.Cut(e.Host, "://")
	if !ok {
		host = e.Host
	}
	b.WriteString(word.Of(method) + " " + printable(host))
	if e.StatusCode != 0 {
		b.WriteString(" " + strconv.Itoa(e.StatusCode))
	}
	b.WriteString(e.end())
	for i, part := range e.parts() {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep + part)
	}
	return b.String()
}

// end says how the exchange ended and how long it took.
func (e Exchange) end() string {
	how := ""
	switch e.Outcome {
	case "":
		return " so far"
	case OutcomeFailed, OutcomeRefused, OutcomeCanceled:
		how = " " + string(e.Outcome)
		if e.Err != nil && e.Outcome != OutcomeCanceled {
			how += " (" + printable(errclass.Of(e.Err)) + ")"
		}
	}
	return how + " in " + short(e.Duration)
}

// parts are what there is to tell of the connection, the waits and the body.
func (e Exchange) parts() (parts []string) {
	if wait := max(e.QueueWait, e.PoolWait); wait > 0 {
		parts = append(parts, "queued for "+short(wait))
	}
	switch {
	case e.Reused && e.WasIdle:
		parts = append(parts, "reused connection, idle for "+short(e.IdleTime))
	case e.Reused:
		parts = append(parts, "reused connection")
	case e.NewReason != "":
		why := printable(string(e.NewReason))
		if by := e.Culprit.short(); by != "" {
			why += " by " + by
		}
		parts = append(parts, "new connection ("+why+")")
		if e.TLSVersion != 0 {
			how := tls.VersionName(e.TLSVersion)
			if e.Resumed {
				how += " resumed"
			}
			parts = append(parts, how)
		}
		if e.ConnWait > 0 {
			parts = append(parts, short(e.ConnWait))
		}
	}
	if e.BytesDrained > 0 {
		parts = append(parts, fmt.Sprintf("%d bytes drained in %s", e.BytesDrained, short(e.DrainTime)))
	}
	switch e.Outcome {
	case OutcomeSkipped:
		parts = append(parts, "body not drained ("+printable(e.Skipped)+")")
	case OutcomeGaveUp, OutcomeTimedOut, OutcomeClosed, OutcomeUpgraded, OutcomeLeaked:
		parts = append(parts, "body "+string(e.Outcome))
	}
	if e.LostReason != "" {
		parts = append(parts, "connection lost ("+printable(string(e.LostReason))+")")
	}
	return parts
}

// short is a call site without its directory and function, or else a span's ID.
func (c Culprit) short() string {
	if c.Caller != "" {
		site := c.Caller
		if i := strings.LastIndexByte(site, ' '); i > 0 {
			site = site[:i]
		}
		return printable(path.Base(site))
	}
	if c.SpanID != [8]byte{} {
		return "span " + hex.EncodeToString(c.SpanID[:])
	}
	return ""
}

// short is a time as people say it.
func short(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + " µs"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
}

// printable is s in one line.
func printable(s string) string {
	if q := strconv.Quote(s); len(q) != len(s)+2 {
		return q
	}
	return s
}
