package pool

import "fmt"

// describeSpread describes how HTTP/2 streams are spread over connections; empty if they
// are not.
func (p *Pool) describeSpread() (s string) {
	if n := p.opts.MinHTTP2Conns; n > 0 {
		s += fmt.Sprintf(", HTTP/2 spread over %d connections per host", n)
	}
	if n := p.opts.MaxStreamsPerConn; n > 0 {
		s += fmt.Sprintf(", at most %d HTTP/2 streams each", n)
	}
	return s
}
