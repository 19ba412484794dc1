package trace

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/warmconn/warmconn/internal/record"
)

// errorType is the value of error.type, but for a status; empty if the exchange did
// not fail.
func errorType(f *record.Facts) string {
	switch {
	case f.TimedOut:
		return "timeout"
	case f.Outcome == record.OutcomeCanceled:
		return "" // the caller's own wish
	case f.Err != nil:
		return errorClass(f.Err)
	}
	return ""
}

// errorClass puts an error into one of a few classes: error.type must be of low
// cardinality.
func errorClass(err error) (class string) {
	// What the error is nobody knows, perhaps a nil pointer; it must not break the
	// Read or Close in which the exchange ends.
	defer func() {
		if recover() != nil {
			class = "_OTHER"
		}
	}()
	var timeout interface{ Timeout() bool }
	var dns *net.DNSError
	var own interface{ ErrorType() string }
	if errors.As(err, &own) {
		if class := own.ErrorType(); class != "" {
			return class
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
	return http2Class(err)
}

// http2Class knows the ends that an HTTP/2 server can put to a request. Net/http's
// errors for them have no public type; their texts are the same in its two
// packages and in golang.org/x/net.
func http2Class(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		text := err.Error()
		switch {
		case strings.HasPrefix(text, "http2: server sent GOAWAY"):
			return "goaway"
		case !strings.HasPrefix(text, "stream error: stream ID "):
		case strings.Contains(text, "; CANCEL"):
			return "canceled"
		default:
			return "reset"
		}
	}
	return "_OTHER"
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
