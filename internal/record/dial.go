package record

import "context"

// dialCtx is the context of a dial for an exchange. What a dialer requests on its own
// account, a name by DNS over HTTPS say, must not be taken for that exchange.
type dialCtx struct {
	context.Context
	dialer *Record // the exchange that it is dialed for
}

// dialer is a Record as it is found by what its connection's dialer requests.
type dialer Record

func (c dialCtx) Value(key any) any {
	if key == (recordKey{}) {
		return (*dialer)(c.dialer)
	}
	return c.Context.Value(key)
}

// DialContext implements connpool.Owner.
func (o *owner) DialContext() context.Context {
	r := (*Record)(o)
	return dialCtx{r.callerCtx, r}
}
