// Package errclass puts errors into a few classes: a metric needs few words, and an
// error's text may quote the server's bytes.
package errclass

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/warmconn/warmconn/internal/word"
)

// Other is the class of all other errors.
const Other = "_OTHER"

// Of returns the class of an error: one of the words that package trace documents for
// error.type.
func Of(err error) (class string) {
	// The error may be of any type, a nil pointer for example. Its methods may panic, and
	// that must not break the Read or Close in which the exchange ends.
	defer func() {
		if recover() != nil {
			class = Other
		}
	}()
	var timeout interface{ Timeout() bool }
	var dns *net.DNSError
	var own interface{ ErrorType() string }
	if errors.As(err, &own) {
		if class := own.ErrorType(); class != "" {
			return word.Of(class)
		}
	}
	switch {
	case errors.As(err, &dns) && !dns.IsTimeout:
		return "dns"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case isTLS(err):
		return "tls"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "eof"
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if class := byText(err.Error()); class != "" {
			return class
		}
	}
	return Other
}

// byText returns the class of net/http's errors that have no public type; empty if it does
// not know the text. The texts of HTTP/2 are the same in net/http's two packages and in
// golang.org/x/net.
func byText(text string) string {
	switch {
	case text == "http: server closed idle connection":
		return "server_closed_idle"
	case text == "http2: client connection lost": // a ping was not answered
		return "conn_lost"
	case isMalformed(text):
		return "malformed"
	// The text of a proxy's refusal of CONNECT is the reason phrase of its answer, and
	// nothing else: this one is HTTP's own for 407. Where pool owns the connections the
	// error has a class of its own, with any phrase.
	case strings.EqualFold(text, "Proxy Authentication Required"):
		return "proxy_auth"
	case strings.HasPrefix(text, "http2: server sent GOAWAY"):
		return "goaway"
	case !strings.HasPrefix(text, "stream error: stream ID "):
		return ""
	case strings.Contains(text, "; CANCEL"):
		return "canceled"
	}
	return "reset"
}

// isMalformed recognizes net/http's errors of a response that is no valid HTTP by how they
// begin: the rest often quotes the response.
func isMalformed(text string) bool {
	for _, begin := range [...]string{
		"malformed ", // a response, a MIME header, a chunk
		"bad Content-Length ",
		"invalid empty Content-Length ",
		"http: message cannot contain multiple Content-Length headers",
		"unsupported transfer encoding: ",
		"too many transfer encodings: ",
		"bad trailer key ",
		"http: suspiciously long trailer after chunked body",
		// Of chunks:
		"invalid byte in chunk length",
		"empty hex number for chunk length",
		"http chunk length too large",
		"chunked line ends with bare LF",
		"invalid CR in chunked line",
		"chunked encoding contains too much non-data",
		"header line too long",
	} {
		if strings.HasPrefix(text, begin) {
			return true
		}
	}
	return false
}

func isTLS(err error) bool {
	var (
		verify *tls.CertificateVerificationError
		header tls.RecordHeaderError
		host   x509.HostnameError
		author x509.UnknownAuthorityError
		cert   x509.CertificateInvalidError
	)
	var remote *net.OpError // crypto/tls's way to say that the peer sent an alert
	return errors.As(err, &remote) && remote.Op == "remote error" || errors.As(err, &verify) || errors.As(err, &header) ||
		errors.As(err, &host) || errors.As(err, &author) || errors.As(err, &cert)
}
