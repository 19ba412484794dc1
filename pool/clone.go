package pool

import "net/http"

// cloneHTTP2 clones base and keeps HTTP/2 on where base would speak it: a
// dialer of one's own switches it off unless it is asked for
// (Transport.protocols). Nil if base has an HTTP/2 of somebody else's.
func cloneHTTP2(base *http.Transport) *http.Transport {
	t := base.Clone()
	// Clone has made base set itself up. From then on TLSNextProto names h2
	// where base speaks it, set by net/http if the field was nil before, and
	// Clone copies the map only if it was not.
	if t.TLSNextProto != nil {
		if len(t.TLSNextProto) > 0 {
			return nil
		}
		return t // empty: HTTP/2 was switched off
	}
	if base.TLSNextProto["h2"] != nil && t.Protocols == nil {
		t.ForceAttemptHTTP2 = true
	}
	return t
}
