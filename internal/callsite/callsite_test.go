package callsite_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/roundtripper"
)

// notes is a base that notes the call site of each request.
type notes struct{ caller string }

func (n *notes) RoundTrip(req *http.Request) (*http.Response, error) {
	var pcs [callsite.Depth]uintptr
	n.caller = callsite.Of(callsite.Take(&pcs)[1:]).Caller // without this frame
	return stub.Transport{}.RoundTrip(req)
}

// foreign is a middleware that the kit does not know.
type foreign struct{ next http.RoundTripper }

func (f foreign) RoundTrip(req *http.Request) (*http.Response, error) { return f.next.RoundTrip(req) }

// signing makes a request of its own before each that it passes on.
type signing struct {
	client *http.Client
	next   http.RoundTripper
}

func (s signing) RoundTrip(req *http.Request) (*http.Response, error) {
	s.token()
	return s.next.RoundTrip(req)
}

func (s signing) token() { s.client.Get("http://token.example/") }

func call(c *http.Client) { c.Get("http://host.example/") }

func wantCaller(t *testing.T, got, function string) {
	t.Helper()
	if !strings.HasSuffix(got, " github.com/warmconn/warmconn/internal/callsite_test."+function) || !strings.Contains(got, "callsite_test.go:") {
		t.Errorf("the caller is %q, want %s in callsite_test.go", got, function)
	}
}

func TestCallerIsWhoCalledTheClient(t *testing.T) {
	n := new(notes)
	call(&http.Client{Transport: n})
	wantCaller(t, n.caller, "call")
}

func TestRoundTrippersOfOthersBelowTheClientAreNotTheCaller(t *testing.T) {
	n := new(notes)
	call(roundtripper.Client(&http.Client{Transport: foreign{n}}, func(next http.RoundTripper) http.RoundTripper {
		return foreign{next}
	}, roundtripper.Observe(roundtripper.Observer{})))
	wantCaller(t, n.caller, "call")
}

func TestRoundTripperThatMakesARequestOfItsOwnIsTheCaller(t *testing.T) {
	n := new(notes)
	call(&http.Client{Transport: signing{&http.Client{Transport: n}, stub.Transport{}}})
	wantCaller(t, n.caller, "signing.token")
}

func TestCallerWithoutAClientIsTheFirstOutside(t *testing.T) {
	n := new(notes)
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	roundtripper.Wrap(n, roundtripper.Observe(roundtripper.Observer{})).RoundTrip(req)
	wantCaller(t, n.caller, "TestCallerWithoutAClientIsTheFirstOutside")
}

// A ReverseProxy in a server has only net/http above it.
func TestReverseProxyIsACaller(t *testing.T) {
	n := new(notes)
	target, _ := url.Parse("http://host.example/")
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = n
	srv := httptest.NewServer(proxy)
	defer srv.Close()
	resp, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !strings.HasSuffix(n.caller, " net/http/httputil.(*ReverseProxy).ServeHTTP") {
		t.Errorf("the caller is %q, want the ReverseProxy", n.caller)
	}
}

func TestNoStackHasNoCaller(t *testing.T) {
	if got := callsite.Of(nil); got != (callsite.Site{}) || callsite.Frames(nil) != nil {
		t.Errorf("the caller is %+v, want none", got)
	}
}
