package record

import (
	"context"

	"github.com/warmconn/warmconn/internal/ledger"
)

// FromDial returns the record whose request began the dial of ctx, and a
// context for the dialer in which neither it nor its hooks can be found: what a
// dialer requests on its own account, a name by DNS over HTTPS say, must not be
// taken for this exchange.
func FromDial(ctx context.Context) (*Record, context.Context) {
	r, _ := ctx.Value(recordKey{}).(*Record)
	if r == nil {
		return nil, ctx
	}
	return r, dialCtx{ctx, r.line.traceKey, r}
}

type dialCtx struct {
	context.Context
	traceKey any
	dialer   *Record // the exchange that it is dialed for
}

// dialer is a Record as it is found by what its connection's dialer requests.
type dialer Record

func (c dialCtx) Value(key any) any {
	switch key {
	case recordKey{}:
		return (*dialer)(c.dialer)
	case c.traceKey:
		// The hooks of net.Dialer, for DNS and connects, have another key and stay.
		if key != nil {
			return nil
		}
	}
	return c.Context.Value(key)
}

// DialContext implements connpool.Owner.
func (o *owner) DialContext() context.Context {
	r := (*Record)(o)
	return dialCtx{r.parent, nil, r}
}

// Use is the record's line in the ledger l; nil if it is in another one.
func (r *Record) Use(l *ledger.Ledger) *ledger.Use {
	if r == nil || r.line.ledger != l {
		return nil
	}
	return &r.use
}

// OwnDial reports whether the exchange may dial at once: it is exempt, or asks
// for another protocol, for which net/http uses no connection of the common
// kind.
func (r *Record) OwnDial() bool {
	return r.use.Exempt || r.upgrade
}
