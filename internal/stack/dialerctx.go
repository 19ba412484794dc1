package stack

import "context"

// dialCtx is the context of a dial for an exchange. A request that the dialer makes itself,
// for a name by DNS over HTTPS say, must not be taken for that exchange's own.
type dialCtx struct {
	context.Context
	dialer *Exchange // the exchange for which the dial is
}

// dialer is an Exchange in the role in which a request of its connection's dialer finds it.
type dialer Exchange

func (c dialCtx) Value(key any) any {
	if key == (exchangeKey{}) {
		return (*dialer)(c.dialer)
	}
	return c.Context.Value(key)
}
