// Package warmconn keeps HTTP connections in use and proves it. A Kit goes onto any
// http.Client, your own or an SDK's:
//
//	kit := warmconn.New(warmconn.Options{}) // once
//	client = kit.Client(client)             // a copy; the client itself is not changed
//
// From then on
//
//   - a body that is closed unread is drained, unless that would cost more than a new
//     connection;
//   - the kit chooses, keeps and retires each host's connections;
//   - leaked bodies are found, and their connections freed;
//   - an OpenTelemetry span for each request says whether its connection was reused and, if
//     not, why, and which earlier request is to blame.
//
// # Layers
//
// A Kit is three layers of http.RoundTripper, one package each. Its fields are the
// layers, and its Options theirs; each works without the others.
//
//	client → trace → drain → pool → http.Transport
//
//	package        what it does
//	trace          a CLIENT span for each exchange, with its connection's facts; metrics
//	drain          Close reads the rest of a body, as far as a connection is worth
//	pool           owns the connections: limits, queues, idle ones, leaks, dead paths
//	roundtripper   chains layers, describes a chain, tells of each exchange (Observe)
//
// A program that needs one layer imports that package alone, and links nothing of the
// others.
//
// # One Kit
//
// Make one Kit for a program, or for each client of an SDK, and share it: it is safe for
// concurrent use, and keeps each host's connections apart. A Kit for each request would be a
// mistake of the kind that the kit is there to find: connections that no later request can
// use. The zero Options are right for an SDK: nothing is limited, refused or looked up in
// advance unless Options say so, and spans and metrics go to the providers that the program
// has set, or nowhere. An SDK puts Options into its own, so that its users can set them.
//
// A program that ends need not call Shutdown, and a Kit that is dropped with its clients
// leaves nothing behind once the collector has run. Shutdown is for programs that want the
// requests in flight to end first.
//
// # What it changes, and what it never touches
//
// The client and the transport that it is given are not changed: Client returns a copy, and
// pool makes its connections by a private clone of the transport. A request that works
// without the kit works with it, and net/http still speaks the protocols. http.Client.Timeout
// and a request's context act as without the kit, and bound the wait in pool's queue as well.
// Each layer's package doc has its own list.
//
// # Where it stands
//
// Directly on the transport: inside of otelhttp, Datadog, oauth2 and retriers, which wrap
// the kit's RoundTripper. There it owns the connections; outside of them it can only count
// requests, and says so (Options.OnWarning, roundtripper.Describe). Base makes the right
// way as short as the other:
//
//	kit := warmconn.New(warmconn.Options{Annotate: true})
//	client := &http.Client{Transport: otelhttp.NewTransport(kit.Base())}
//
// Annotate is for programs that have a tracing middleware already: the connection's facts
// go onto its span, and the kit makes none.
//
// # When a request is finished, and what it costs
//
// A request is finished when the response's body has come to its end, was closed (and
// drained) or was lost: see package roundtripper. Over a base that answers at once the kit,
// with zero Options, makes 8 allocations for a request, and 6 more if the base looks for
// hooks, as net/http does:
//
//	go test -run Allocations -v .
//	go test -run '^$' -bench . .
//
// # Where to go on
//
//   - A line for people on each request: roundtripper.Observe, and the example of
//     Kit.Middleware.
//   - Limits for each host, queues and refusals: pool.Options.
//   - The span's attributes, and the metrics: package trace.
//   - How far a body is drained: package drain.
//   - Tests of an SDK that fail for the bodies it does not close, and the connections it
//     could have reused: pool/pooltest.
//   - An SDK that insists on an *http.Transport: roundtripper.FacadeOf, whose fields act where
//     the SDK sets them, and Facade.
//   - Tests of a middleware of one's own: roundtripper/roundtrippertest.
package warmconn
