package stack

import "context"

// dialCtx is the context of a dial for an exchange. What a dialer requests on its own
// account, a name by DNS over HTTPS say, must not be taken for that exchange.
type dialCtx struct {
	context.Context
	dialer *Exchange // the exchange that it is dialed for
}

// dialer is an Exchange as it is found by what its connection's dialer requests.
type dialer Exchange

func (c dialCtx) Value(key any) any {
	if key == (exchangeKey{}) {
		return (*dialer)(c.dialer)
	}
	return c.Context.Value(key)
}
