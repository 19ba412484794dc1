package chain_test

import (
	"net/http"
	"testing"

	"github.com/warmconn/warmconn/internal/chain"
)

// plain has no method to unwrap it.
type plain struct{}

func (plain) RoundTrip(*http.Request) (*http.Response, error) { return nil, nil }

type (
	withNext   struct{ next http.RoundTripper }
	withClient struct {
		plain
		client *http.Client
	}
	retrier struct { // as retryablehttp's
		plain
		inner *struct{ http *http.Client }
	}
	settings struct { // as golang.org/x/net's HTTP/2
		plain
		base *http.Transport
	}
	quic struct { // as an HTTP/3 transport
		plain
		conns map[string]*http.Client
		next  *quic // types may contain themselves
	}
	function func(*http.Request) (*http.Response, error)
)

func (w withNext) RoundTrip(req *http.Request) (*http.Response, error) { return w.next.RoundTrip(req) }
func (f function) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestAMiddlewareIsKnownByItsFields(t *testing.T) {
	for _, row := range []struct {
		name string
		rt   http.RoundTripper
		want bool
	}{
		{"a RoundTripper", withNext{}, true},
		{"a RoundTripper, by pointer", &withNext{}, true},
		{"a client", &withClient{client: nil}, true},
		{"a client in another struct", &retrier{inner: nil}, true},
		{"something that unwraps", unwrapper{http.DefaultTransport}, true},
		{"nothing", plain{}, false},
		{"a transport for its settings", &settings{base: nil}, false},
		{"another kind of transport", &quic{conns: nil, next: nil}, false},
		{"a function", function(nil), false},
		{"net/http's transport", &http.Transport{}, false},
		{"nil", nil, false},
	} {
		if got := chain.Wraps(row.rt); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

type unwrapper struct{ rt http.RoundTripper }

func (u unwrapper) Unwrap() http.RoundTripper                     { return u.rt }
func (unwrapper) RoundTrip(*http.Request) (*http.Response, error) { return nil, nil }
