// Package badserver starts servers on loopback that misbehave as real ones do,
// by a seed: they close a connection at the moment of use, reset it, close it
// after a few requests, send GOAWAY, allow one stream at a time, answer before
// they have read the request, break bodies off, or fall silent.
//
// A Fault says how; there is one in each file:
//
//	Good         none, for comparison
//	IdleClose    closes an idle connection just when the next request comes
//	Reset        resets before, within or after a response
//	CloseAfter   closes after n requests, announced or not
//	GoAway       HTTP/2: GOAWAY every n requests
//	OneStream    HTTP/2: one stream a connection
//	IdleTimeout  HTTP/2: an idle time-out as short as the pauses between requests
//	Early        answers a request with a body before it has read it
//	Truncate     bodies that are shorter than announced
//	Slow         drips, and falls silent
//	Swallow      the network forgets idle connections
//	Mixed        answers with bytes of another response, for tests of the checks
//
// The client labels each request with an ID, in a header and in every 16 bytes
// of its body, and so does the server its answer: bytes that belong to another
// request, or to another place of the same one, are found on either side; also
// where the bodies are compressed, which the client may ask for. The
// fate of a request depends on the seed, its ID and how often it came. So servers
// with one seed treat the same requests alike, of any client.
package badserver
