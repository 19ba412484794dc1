//go:build go1.27

package connpool

// h2RetriesProtocol says whether net/http sends a request again after the peer has reset its
// stream by PROTOCOL_ERROR. Go 1.27 does so no more.
const h2RetriesProtocol = false
