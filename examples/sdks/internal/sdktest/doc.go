// Package sdktest runs the calls of a real SDK against an embedded server, with
// bare net/http and with the kit, and compares them.
//
// An SDK's test says what the service answers, how the SDK's client is made, and
// three things that the client can do: get a document, open a download, put one. The plan of
// calls is the same for all SDKs (plan.go). Run runs it over plain HTTP, TLS and
// HTTP/2, each with both clients, and fails for
//
//   - a call whose outcome is another one than with bare net/http,
//   - fewer requests on reused connections than the row of docs/sdks.md promises, or
//     than bare net/http has,
//   - a request that reached the server without a span of its own, whose
//     traceparent it has and whose parent is the caller's span; a span that never ended,
//   - a connection, a goroutine or a descriptor that is left in the end.
package sdktest
