package trace

import "context"

// hints are what a context says of its requests.
type hints struct {
	template string
	resends  int
	exempt   bool
}

type hintsKey struct{}

func hintsOf(ctx context.Context) hints {
	h, _ := ctx.Value(hintsKey{}).(*hints)
	if h == nil {
		return hints{}
	}
	return *h
}

func with(ctx context.Context, set func(*hints)) context.Context {
	h := hintsOf(ctx)
	set(&h)
	return context.WithValue(ctx, hintsKey{}, &h)
}

// URLTemplate returns a context whose requests are made to a URL of this
// template, "/users/{id}" say: url.template on the span, and in its name.
func URLTemplate(ctx context.Context, template string) context.Context {
	return with(ctx, func(h *hints) { h.template = template })
}

// ResendCount returns a context whose requests were sent n times before: for a
// retrier above. Redirects are counted in addition.
func ResendCount(ctx context.Context, n int) context.Context {
	return with(ctx, func(h *hints) { h.resends = max(n, 0) })
}

// Exempt returns a context whose requests have no span and no metrics.
func Exempt(ctx context.Context) context.Context {
	return with(ctx, func(h *hints) { h.exempt = true })
}
