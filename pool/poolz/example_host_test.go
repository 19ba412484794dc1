package poolz_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/poolz"
)

// onlyFor answers requests whose Host is one of these names, with any port. A web page that has a
// name of its own lead to the loopback address, to read what listens there, is refused: its
// browser sends that name.
func onlyFor(h http.Handler, names ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			name = r.Host // there is no port
		}
		if !slices.Contains(names, name) {
			http.Error(w, "no page has this name", http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// The page for those who ask for it by a name of this machine's, and not for web pages.
func ExampleHandler_host() {
	p := pool.New(pool.Options{})
	defer p.Close()
	page := onlyFor(poolz.Handler(p), "localhost", "127.0.0.1", "::1")
	for _, host := range []string{"localhost:6060", "127.0.0.1:6060", "[::1]:6060", "rebound.example:6060"} {
		w := httptest.NewRecorder()
		page.ServeHTTP(w, httptest.NewRequest("GET", "http://"+host+"/debug/pool/", nil))
		fmt.Println(host, w.Code)
	}
	// Output:
	// localhost:6060 200
	// 127.0.0.1:6060 200
	// [::1]:6060 200
	// rebound.example:6060 421
}
