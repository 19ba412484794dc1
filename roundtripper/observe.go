package roundtripper

import (
	"context"
	"net/http"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// Observer is told of exchanges. Nil funcs are skipped. Funcs must be safe for
// concurrent use and should return soon: they run in the call that ended the
// exchange, a Read or Close of the body most often. That of a leaked body runs
// on a goroutine of the kit.
type Observer struct {
	// End is called once for each exchange, when it has ended, also for those
	// that failed, were refused or leaked. The context is the one that the
	// layers above passed down; it may be cancelled by then.
	End func(context.Context, Exchange)
}

// Observe returns a layer that tells o of each exchange. Observers are told
// last, after the slot was given back and the span has ended.
func Observe(o Observer) Middleware {
	p := &observer{o}
	return func(next http.RoundTripper) http.RoundTripper { return stack.New(next, p) }
}

// observer is compared by its pointer: two Observe layers are two.
type observer struct{ o Observer }

func (p *observer) End(r *stack.Exchange, _ any, _ *stack.Facts) {
	if p.o.End != nil {
		p.o.End(r.Context(), exchange(r))
	}
}

func (*observer) Phase() stack.Phase { return stack.Observe }

func (*observer) Describe(ledger.Watch) string { return "observe: tells a function of each exchange" }
