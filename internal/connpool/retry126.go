//go:build !go1.27

package connpool

// h2RetriesProtocol says that net/http sends a request again whose stream the peer
// has reset by PROTOCOL_ERROR.
const h2RetriesProtocol = true
