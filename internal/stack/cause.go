package stack

import (
	"context"
	"errors"
	"net/http"

	"github.com/warmconn/warmconn/internal/errclass"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// causeLocked says why the connection of an exchange that has ended does not go back; empty
// if it lives on. Refused is the reason for which net/http refused it when it was put back;
// None if it was not.
func (x *Exchange) causeLocked(out Outcome, err error, refused, interrupted ledger.Reason) ledger.Reason {
	switch {
	case refused != ledger.None && refused != ledger.ConnError:
		return refused
	case x.facts.Status == http.StatusSwitchingProtocols:
		return ledger.Upgraded
	case x.wire.major >= 2 || x.facts.shared:
		return x.streamCauseLocked(out, err)
	case x.pipe.ledger.KeepAlivesOff(false):
		return ledger.KeepAlivesOff
	case x.wire.reqCloses || x.request.close:
		return ledger.ClientClose
	case x.wire.respCloses:
		return ledger.ServerClose
	case out == OutcomeCanceled:
		return interrupted
	case is(err, context.DeadlineExceeded):
		return ledger.Timeout
	}
	switch out {
	case OutcomeLeaked:
		return ledger.BodyLeaked
	case OutcomeSkipped, OutcomeGaveUp, OutcomeTimedOut, OutcomeClosed:
		return ledger.BodyUnread
	case OutcomeEOF, OutcomeDrained, OutcomeNone:
		switch {
		case !x.wire.wrote:
			return ledger.EarlyResponse
		case interrupted != ledger.None:
			return interrupted
		case refused != ledger.None:
			return refused
		}
		return ledger.Unknown
	}
	return brokenFor(err)
}

// streamCauseLocked is causeLocked for HTTP/2, where exchanges share a connection, and few
// ends of an exchange cost it.
func (x *Exchange) streamCauseLocked(out Outcome, err error) ledger.Reason {
	switch {
	case x.pipe.ledger.KeepAlivesOff(true):
		return ledger.KeepAlivesOff
	case x.wire.major >= 2 && (x.wire.reqCloses || x.request.close):
		return ledger.ClientClose
	case out == OutcomeFailed:
		return brokenFor(err) // for the case that the connection broke, and not the stream alone
	}
	return ledger.None
}

// brokenFor is why a connection broke under an exchange, by the exchange's error. No exchange
// is to blame if the server closed the connection while it was idle, or if an HTTP/2
// connection answered no ping.
func brokenFor(err error) ledger.Reason {
	switch class := errclass.Of(err); class {
	case "server_closed_idle":
		return ledger.ServerClosedIdle
	case "conn_lost":
		return loss.Dead
	}
	return ledger.ConnError
}

// is is errors.Is for the error of a foreign base. That may be a nil pointer whose methods
// panic: the exchange must end all the same.
func is(err, target error) bool {
	defer func() { _ = recover() }()
	return errors.Is(err, target)
}

// putReason turns PutIdleConn's error into a reason. The errors are not exported; their texts
// have not changed since Go 1.7. ConnError only means that the connection was closed: by the
// server, or by a cancel in the same moment.
func putReason(err error) ledger.Reason {
	if err == nil {
		return ledger.None
	}
	switch err.Error() {
	case "http: putIdleConn: too many idle connections for host", "http: putIdleConn: too many idle connections":
		return ledger.IdleLimit
	case "http: putIdleConn: CloseIdleConnections was called":
		return ledger.ClosedIdle
	case "http: putIdleConn: connection is in bad state":
		return ledger.ConnError
	}
	return ledger.Unknown
}
