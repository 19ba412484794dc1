package poolz

import (
	"cmp"
	"slices"

	"github.com/warmconn/warmconn/roundtripper"
)

// kind says where a reason for a new connection lies: who can do something about it.
type kind string

const (
	kindFine    kind = "fine"    // nothing to do
	kindClient  kind = "client"  // the program
	kindServer  kind = "server"  // the server
	kindNetwork kind = "network" // what lies between
	kindUnknown kind = "unknown"
)

// explained is what there is to say of a reason, in the words of docs/reading-a-span.md.
type explained struct {
	kind kind
	text string
}

var explanations = map[roundtripper.NewReason]explained{
	roundtripper.ReasonFirst:              {kindFine, "The first connection to the host. Nothing to do; many of them are a client or a transport for each request."},
	roundtripper.ReasonAllBusy:            {kindFine, "Every connection to the host was in use: more requests at once than connections. Nothing to do, or a limit."},
	roundtripper.ReasonDraining:           {kindClient, "The rest of an earlier body was still being read in the background. Read it and close it sooner, or wait for the drain."},
	roundtripper.ReasonBodyUnread:         {kindClient, "An earlier body was closed before its end. Follow the call site: read and close, or add drain."},
	roundtripper.ReasonBodyLeaked:         {kindClient, "An earlier body was never closed. Follow the call site: read and close."},
	roundtripper.ReasonCanceled:           {kindClient, "An earlier request was cancelled under way, and its connection went with it: deadlines that are shorter than the answers."},
	roundtripper.ReasonTimeout:            {kindClient, "The deadline of an earlier request passed: deadlines that are shorter than the answers."},
	roundtripper.ReasonIdleLimit:          {kindClient, "The client keeps fewer idle connections than it needs. Look at its limits of idle connections: it ends them itself."},
	roundtripper.ReasonIdleTimeout:        {kindFine, "A connection lay idle for as long as it is kept. Nothing to do: what was configured, or learned of the server."},
	roundtripper.ReasonMaxAge:             {kindFine, "A connection was older than MaxConnAge allows. Nothing to do: what was configured."},
	roundtripper.ReasonMaxRequests:        {kindFine, "A connection had served MaxConnRequests. Nothing to do: what was configured."},
	roundtripper.ReasonGoAway:             {kindServer, "The server ended the HTTP/2 connection. Ask its operators for its limit of requests and its deployments."},
	roundtripper.ReasonProtocolError:      {kindNetwork, "Something came on an idle connection that no request had asked for: the network, the server, or what stands between."},
	roundtripper.ReasonServerClosedIdle:   {kindServer, "The server closed a connection that lay idle. Ask its operators for its idle time."},
	roundtripper.ReasonServerClose:        {kindServer, "The response said Connection: close, was HTTP/1.0, or ended with its connection. Ask the server's operators for its limit of requests."},
	roundtripper.ReasonClientClose:        {kindClient, "The request said Connection: close. Look at the client: it ends connections itself."},
	roundtripper.ReasonKeepAlivesDisabled: {kindClient, "The transport keeps no connection: DisableKeepAlives, or a negative MaxIdleConnsPerHost. Look at the client: it ends connections itself."},
	roundtripper.ReasonClosedIdle:         {kindClient, "The program called CloseIdleConnections. Look at the client: it ends connections itself."},
	roundtripper.ReasonEarlyResponse:      {kindServer, "The response was complete before the request was written: the server refuses what is sent, or this machine is very busy."},
	roundtripper.ReasonConnError:          {kindNetwork, "The connection broke under an earlier request: the network, or what stands between."},
	roundtripper.ReasonUpgraded:           {kindFine, "The connection went on in another protocol. Nothing to do."},
	roundtripper.ReasonDead:               {kindNetwork, "The path to the server had died without a word: the network, or what stands between."},
	roundtripper.ReasonAddressGone:        {kindFine, "The host's name no longer has the address that the connection went to. Nothing to do: the name has moved."},
	roundtripper.ReasonUnknown:            {kindUnknown, "The signs do not settle it: the Pool does not own these connections."},

	// Stats count these beside NewReason's.
	"unused": {kindFine, "No request ever had the connection: it was dialed for one that another connection then served, or by Warm."},
}

// explain says what a reason means; readers must expect words that are not known here.
func explain(reason string) explained {
	if e, ok := explanations[roundtripper.NewReason(reason)]; ok {
		return e
	}
	return explained{kindUnknown, "A reason that this page does not know: see the documentation of roundtripper.NewReason."}
}

// failures are the classes of errors that package trace documents for error.type.
var failures = map[string]explained{
	"canceled":           {kindClient, "The program, or a library that it uses, cancelled the request."},
	"timeout":            {kindUnknown, "A deadline passed: it was short, or the server or the network was slow."},
	"dns":                {kindNetwork, "The host's name could not be looked up."},
	"refused":            {kindServer, "The server's machine refused the connection: nothing listens there."},
	"reset":              {kindNetwork, "The connection or the stream was reset: the server, or what stands between."},
	"eof":                {kindServer, "The connection ended before the response did."},
	"tls":                {kindUnknown, "The TLS handshake failed: the server's certificate, or what the program trusts."},
	"malformed":          {kindServer, "The response is not valid HTTP."},
	"server_closed_idle": {kindServer, "The server closed the connection before this request was sent on it."},
	"goaway":             {kindServer, "The server ended the HTTP/2 connection."},
	"conn_lost":          {kindNetwork, "An HTTP/2 connection answered no ping: the path to the server had died."},
	"proxy_auth":         {kindClient, "A proxy wants credentials that it was not given, or does not accept."},
	"pool_queue_full":    {kindClient, "As many requests waited as MaxWaiting allows."},
	"pool_wait_timeout":  {kindClient, "The request waited for a slot for longer than WaitTimeout, or than its deadline allows."},
	"pool_deadlock":      {kindClient, "Requests waited for slots that were held by requests which waited for them."},
	"pool_shed":          {kindClient, "The request was shed from an overloaded queue."},
	"pool_closed":        {kindClient, "The Pool was closed."},
}

// failed says what the class of an error means. Errors may name themselves.
func failed(class string) explained {
	if e, ok := failures[class]; ok {
		return e
	}
	return explained{kindUnknown, "An error that this page does not know."}
}

// share is one reason's part in a sum.
type share struct {
	Reason, Text string
	Kind         kind
	N            uint64
	Part         float64 // of all, 0 to 1
	X, Width     float64 // its place in a bar of all, 0 to 100
}

// shares are the reasons, the most frequent first.
func shares(counts map[string]uint64) []share {
	var all []share
	var sum uint64
	for reason, n := range counts {
		e := explain(reason)
		all = append(all, share{Reason: clean(reason), Text: e.text, Kind: e.kind, N: n})
		sum += n
	}
	slices.SortFunc(all, func(a, b share) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Reason, b.Reason))
	})
	x := 0.0
	for i := range all {
		s := &all[i]
		s.Part = float64(s.N) / float64(sum)
		s.X, s.Width = x, 100*s.Part
		x += s.Width
	}
	return all
}
