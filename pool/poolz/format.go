package poolz

import (
	"cmp"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"time"
)

// num is a number with its thousands set apart.
func num(n any) string {
	var s string
	switch n := n.(type) {
	case int:
		s = strconv.Itoa(n)
	case uint64:
		s = strconv.FormatUint(n, 10)
	default:
		s = fmt.Sprint(n)
	}
	if len(s) <= 3 {
		return s
	}
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// rate is something per second.
func rate(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return num(int64(math.Round(v)))
}

// pct is a part of 1. What is not quite all or none does not look so.
func pct(v float64) string {
	switch p := 100 * v; {
	case p == 0 || p == 100:
		return strconv.Itoa(int(p)) + "\u202f%"
	case p < 0.1:
		return "<0.1\u202f%"
	case p > 99.9:
		return ">99.9\u202f%"
	default:
		return f1(p) + "\u202f%"
	}
}

// dur is a time in seconds, as people say it.
func dur(v float64) string {
	d := time.Duration(v * float64(time.Second))
	switch {
	case d < 0:
		return "now"
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + "\u202fµs"
	case d < 10*time.Millisecond:
		return f1(d.Seconds()*1000) + "\u202fms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "\u202fms"
	case d < 10*time.Second:
		return f1(d.Seconds()) + "\u202fs"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "\u202fs"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "\u202fmin"
	}
	return strconv.Itoa(int(d.Hours())) + "\u202fh"
}

// byteCount is a number of bytes, in units of 1000 or more of the one before.
func byteCount(n any) string {
	var v float64
	switch n := n.(type) {
	case int64:
		v = float64(n)
	case uint64:
		v = float64(n)
	}
	for _, unit := range []string{"B", "kB", "MB", "GB", "TB"} {
		if v < 1000 || unit == "TB" {
			if unit == "B" || v >= 100 {
				return strconv.FormatFloat(v, 'f', 0, 64) + "\u202f" + unit
			}
			return f1(v) + "\u202f" + unit
		}
		v /= 1000
	}
	return ""
}

func f1(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
func clock(t time.Time) string { return t.Format("15:04:05") }

// stateClass is a connection's state as the name of a class. Expect new words.
func stateClass(state string) string { return strings.ReplaceAll(state, " ", "-") }

// siteFile is the file and line of a "file:line function", with the folder that it is in.
func siteFile(site string) string {
	file, _, _ := strings.Cut(site, " ")
	return path.Join(path.Base(path.Dir(file)), path.Base(file))
}

// siteFunc is its function, without the path of its package.
func siteFunc(site string) string {
	_, function, _ := strings.Cut(site, " ")
	return path.Base(cmp.Or(function, " "))
}

// drainedText says what became of a drain.
func drainedText(outcome, skipped string) string {
	switch outcome {
	case "skipped":
		return "not tried: " + strings.ReplaceAll(clean(skipped), "_", " ")
	case "gave_up":
		return "came to its limit of bytes"
	case "timed_out":
		return "came to its limit of time"
	case "closed":
		return "there is none in this stack"
	case "leaked":
		return "the body was dropped"
	}
	return strings.ReplaceAll(clean(outcome), "_", " ")
}

// refusalText says which limit has refused requests.
func refusalText(reason string) string {
	switch reason {
	case "queue_full":
		return "as many wait as MaxWaiting allows"
	case "wait_timeout":
		return "waited for longer than WaitTimeout"
	case "hopeless":
		return "would have waited for longer than their deadline"
	case "shed":
		return "shed from an overloaded queue"
	}
	return clean(reason)
}
