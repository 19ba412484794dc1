// Package warmconn keeps HTTP connections in use and proves it. A Kit goes onto any
// http.Client, whoever built it:
//
//	kit := warmconn.New(warmconn.Options{})
//	client = kit.Client(client)
//
// From then on bodies that are closed unread are drained as far as a new connection is
// worth, each host's connections are chosen, kept and retired by the kit, leaked bodies
// are found and healed, and an OpenTelemetry span says of each request whether its
// connection was reused and, if not, why and which earlier request is to blame. Make one
// Kit for a program, or for a client of an SDK, and share it: it is safe for concurrent
// use, and hosts are told apart.
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
// A program that needs one of them imports that package alone, and links nothing of the
// others. Tests of an SDK's own bodies: pool/pooltest. Tests of a middleware of one's own:
// roundtripper/roundtrippertest.
//
// # What it changes, and what it never touches
//
// Nothing that it is handed is changed: Client returns a copy, and pool makes its
// connections by a private clone of the transport. A request that works without the kit
// works with it; net/http still speaks the protocols. Nothing is limited, refused or
// looked up in advance unless Options say so. Each layer's package doc has its own list.
//
// # Where it stands
//
// Right on the transport: inside of otelhttp, Datadog, oauth2 and retriers, which wrap
// what the kit returns. There it owns the connections; outside of them it can only count
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
// When the response's body has come to its end, was closed or was lost: see package
// roundtripper. What each layer costs its benchmarks print, and README tells.
package warmconn
