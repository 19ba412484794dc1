package sdktest

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"strings"
)

// numbers are what differs between two runs of the same call: ports, durations, IDs.
var numbers = regexp.MustCompile(`0x[0-9a-f]+|[0-9]+(\.[0-9]+)?(µs|ms|s)?`)

// outcome is what became of a call, so that two runs of it can be compared: what it
// returned, or what callers can tell of its error.
func outcome(value string, err error) string {
	switch {
	case err == nil && len(value) > 40:
		return fmt.Sprintf("ok: %d bytes, %08x", len(value), crc32.ChecksumIEEE([]byte(value)))
	case err == nil:
		return "ok: " + value
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline exceeded"
	}
	var is string
	if errors.Is(err, io.ErrUnexpectedEOF) {
		is = "unexpected EOF: "
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		is += "timeout: "
	}
	return is + types(err) + ": " + numbers.ReplaceAllString(strings.ToLower(err.Error()), "N")
}

// types are those of an error and what it wraps, which errors.As finds.
func types(err error) string {
	var names []string
	for range 16 {
		if err == nil {
			break
		}
		names = append(names, fmt.Sprintf("%T", err))
		err = errors.Unwrap(err)
	}
	// Where an SDK has configured golang.org/x/net's HTTP/2, the kit lets net/http speak
	// it, whose own errors are found by errors.As as x/net's are.
	return strings.ReplaceAll(strings.Join(names, " of "), "http.http2", "http2.")
}
