package faultlist

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/warmconn/warmconn/internal/errclass"
)

// outcome is what became of a request, as far as the caller can see: the response with its
// header, body and trailers, and errors by class and text. By chance says that it has one
// word only for a lost connection.
func outcome(resp *http.Response, err error, e Ending, byChance bool) string {
	told := errorText
	if byChance {
		told = roughly
	}
	if err != nil {
		return "failed: " + told(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, length %d %q, close %v, uncompressed %v, TLS %v, header %s; ", resp.Proto, resp.Status, resp.ContentLength,
		resp.TransferEncoding, resp.Close, resp.Uncompressed, resp.TLS != nil, headerText(resp.Header))
	switch e {
	case Reads:
		sum := crc32.NewIEEE()
		n, err := io.Copy(sum, resp.Body)
		if err == nil || !byChance {
			fmt.Fprintf(&b, "body %d bytes %x", n, sum.Sum32())
		}
		if err != nil {
			b.WriteString(", failed: " + told(err))
		}
		if err := resp.Body.Close(); err != nil {
			b.WriteString(", close failed: " + told(err))
		}
		b.WriteString("; trailers " + headerText(resp.Trailer))
	case Closes:
		b.WriteString("body closed")
		if err := resp.Body.Close(); err != nil {
			b.WriteString(", failed: " + told(err))
		}
	}
	return b.String()
}

func headerText(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		text := fmt.Sprintf("%s: %q ", name, h[name])
		if len(text) > 200 {
			text = fmt.Sprintf("%.100s... (%d bytes) ", text, len(text))
		}
		b.WriteString(text)
	}
	return "[" + strings.TrimSpace(b.String()) + "]"
}

var (
	addresses = regexp.MustCompile(`\[?[0-9a-f.:]*\]?:[0-9]+`)
	streamIDs = regexp.MustCompile(`stream ID [0-9]+|LastStreamID=[0-9]+`)
)

// errorText is the class of an error, and its text without what is by chance.
func errorText(err error) string {
	class := errclass.Of(err)
	for u := new(url.Error); errors.As(err, &u); {
		err = u.Err
	}
	text := addresses.ReplaceAllString(err.Error(), "ADDR")
	return class + " (" + streamIDs.ReplaceAllString(text, "STREAM") + ")"
}

// roughly is errorText, but for lost connections.
func roughly(err error) string {
	if text := errorText(err); !isLost("failed: " + text) {
		return text
	}
	return "lost"
}

// lost are the words for a connection that has ended under a request, or before it.
var lost = []string{
	"failed: lost", "failed: eof ", "failed: reset ", "failed: server_closed_idle ", "failed: goaway ", "readLoopPeekFailLocked", "use of closed network connection",
	"http2: client conn", "connection error: ", "http2: frame too large", "http2: failed reading the frame payload",
}

// isLost reports whether an outcome is that.
func isLost(out string) bool {
	return slices.ContainsFunc(lost, func(words string) bool { return strings.Contains(out, words) })
}
