package pool_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// Some programs need new connections, for a balancer's sake for example. Their handshakes can
// resume a session of an earlier one: from the second connection on here.
func ExampleOptions_tlsSessions() {
	srv := httptest.NewTLSServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{TLSSessions: 64, MaxConnRequests: 1})
	defer p.Close()
	client := roundtripper.Client(srv.Client(),
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Printf("connection %d, %s, resumed: %v\n", e.ConnID, tls.VersionName(e.TLSVersion), e.Resumed)
		}}),
		p.Middleware)
	defer client.CloseIdleConnections()
	for range 3 {
		if err := get(client, srv.URL); err != nil {
			log.Fatal(err)
		}
	}
	h := p.Stats().Hosts[0]
	fmt.Println("handshakes:", h.Handshakes, "resumed:", h.Resumed)
	// Output:
	// connection 1, TLS 1.3, resumed: false
	// connection 2, TLS 1.3, resumed: true
	// connection 3, TLS 1.3, resumed: true
	// handshakes: 3 resumed: 2
}
