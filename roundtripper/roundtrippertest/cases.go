package roundtrippertest

// The sources of the rules.
const (
	roundTripper = "net/http, RoundTripper: "
	response     = "net/http, Response: "
	request      = "net/http, NewRequestWithContext: "
)

// Rules that several cases share.
const (
	ruleModify = roundTripper + `"RoundTrip should not modify the request, except for consuming and closing the Request's Body."`
	ruleClose  = roundTripper + `"RoundTrip must always close the body, including on errors, but depending on the implementation may do so in a separate goroutine even after RoundTrip returns."`
	ruleErr    = roundTripper + `"RoundTrip must return err == nil if it obtained a response, regardless of the response's HTTP status code. A non-nil err should be reserved for failure to obtain a response."`
	ruleNext   = "errors.Is and errors.As find the base's error: who looks for a net.Error, or for a sentinel of the base's, must not be cut off from it by a layer between."
	ruleOnce   = `io.Closer: "The behavior of Close after the first call is undefined." One Close by the caller is one Close of the base's body.`
	ruleWriter = response + `"the Body will also implement io.Writer on a successful "101 Switching Protocols" response". So may a tunnel opened by CONNECT, over a base that gives one.`
	ruleTunnel = "the bytes after a 101, or after the answer to a CONNECT, are the caller's: another protocol's, which nobody else can read without taking them away, or knows the end of."
	ruleCtx    = request + `"the context controls the entire lifetime of a request and its response: obtaining a connection, sending the request, and reading the response headers and body."`
	ruleTrail  = response + `"After Body.Read has returned io.EOF, Trailer will contain any trailer values sent by the server."`
	ruleHonest = "A layer hides nothing that the base can do."
	ruleNoBody = `net/http, NoBody: "It can be used in an outgoing client request to explicitly signal that a request has zero bytes." It is recognized by comparison: what wraps it turns a body that is known to be empty into one of unknown length.`
)

// cases is the contract, in the order of an exchange.
var cases = []testCase{
	{"request-header", ruleModify, requestHeader},
	{"request-url", ruleModify, requestURL},
	{"request-fields", ruleModify, requestFields},
	{"request-body-arrives", "a layer that reads the request's body passes on one with the same content: the server must get what the caller sent.", requestBodyArrives},
	{"request-no-body", ruleNoBody, requestNoBody},
	{"request-body-closed", ruleClose, requestBodyClosed},
	{"request-body-closed-once", ruleOnce, requestBodyClosedOnce},
	{"refusal-closes-body", ruleClose, refusals},

	{"response-or-error", ruleErr, responseOrError},
	{"base-error", ruleNext, baseError},
	{"response-request", response + `"Request is the request that was sent to obtain this Response." Its context is the caller's, or as long-lived.`, responseRequest},
	{"response-no-body", ruleNoBody, responseNoBody},
	{"body-content", response + `"If the network connection fails or the server terminates the response, Body.Read calls return an error." Until then they return what was sent, and io.EOF only at its end.`, bodyContent},
	{"body-streams", response + `"The response body is streamed on demand as the Body field is read."`, bodyStreams},
	{"body-closed", response + `"It is the caller's responsibility to close Body." ` + ruleOnce, bodyClosed},
	{"read-after-close", "net/http, ErrBodyReadAfterClose: it " + `"is returned when reading a Request or Response Body after the body has been closed." io.EOF would pass off a body that was cut short as a whole one.`, readAfterClose},
	{"close-while-hanging", "Body.Close is how a caller gets away from a server that hangs: it returns soon, and ends the stream or the connection.", closeWhileHanging},
	{"trailers-announced", ruleTrail, trailersAnnounced},
	{"trailers-unannounced", ruleTrail, trailersUnannounced},

	{"upgrade-writable", ruleWriter, upgradeWritable},
	{"upgrade-unread", ruleTunnel, upgradeUnread},
	{"upgrade-close-write", "from Go 1.27 on, the body of a 101 has the method CloseWrite, which ends one direction of the tunnel. " + ruleHonest, upgradeHalfClose},
	{"upgrade-socket", ruleTunnel, upgradeSocket},
	{"connect-writable", ruleWriter, connectWritable},
	{"connect-unread", ruleTunnel, connectUnread},
	{"connect-socket", ruleTunnel, connectSocket},
	{"upload-outlives-response", ruleClose + " Until the request is written, the end of the response must not cancel it.", uploadOutlives},

	{"context-passed", ruleCtx, contextPassed},
	{"cancel-before", ruleCtx, cancelBefore},
	{"cancel-during", ruleCtx, cancelDuring},
	{"cancel-in-body", ruleCtx, cancelInBody},
	{"cancel-after", ruleCtx + " When they are over it has no say any more.", cancelAfter},
	{"hooks", "net/http/httptrace, WithClientTrace: " + `"HTTP client requests made with the returned context will use the provided trace hooks, in addition to any previous hooks registered with ctx." So often as without the layer: once.`, hooks},

	{"concurrent", roundTripper + `"A RoundTripper must be safe for concurrent use by multiple goroutines."`, concurrent},
	{"close-idle-connections", "net/http, Client.CloseIdleConnections: " + `"If Client.Transport does not have a CloseIdleConnections method then this method does nothing." ` + ruleHonest, closeIdle},
	{"unwrap", "Unwrap() http.RoundTripper, or WrappedRoundTripper as Kubernetes calls it, returns the layer below: who has to find the transport can. " + ruleHonest, unwrap},
	{"goroutines", "when every body is closed, idle connections are, and nothing is in flight, a layer has nothing left to run.", goroutines},
}
