package roundtripper_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/roundtripper/roundtrippertest"
)

// signer signs requests. The layers below it can be found, because it embeds Inner.
type signer struct {
	roundtripper.Inner
	key string
}

func (s signer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-Signature", "by "+s.key)
	return s.Inner.RoundTrip(req)
}

// A layer that is a type of its own embeds Inner and calls its RoundTrip.
func ExampleInner() {
	base := &roundtrippertest.Transport{}
	client := &http.Client{Transport: signer{roundtripper.Inner{RoundTripper: base}, "key 1"}}
	if _, err := client.Get("http://api.example/"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(base.Calls()[0].Request.Header)
	// Output: map[X-Signature:[by key 1]]
}

// The client's CloseIdleConnections reaches the transport. Without a method of that name in the
// layer it would not.
func ExampleInner_CloseIdleConnections() {
	base := &roundtrippertest.Transport{}
	client := &http.Client{Transport: signer{Inner: roundtripper.Inner{RoundTripper: base}}}
	client.CloseIdleConnections()
	fmt.Println(base.IdleCloses())
	// Output: 1
}

func ExampleInner_Unwrap() {
	s := signer{Inner: roundtripper.Inner{RoundTripper: &http.Transport{}}}
	fmt.Printf("%T\n", s.Unwrap())
	// Output: *http.Transport
}

// Kubernetes' client-go looks for the layer below by this name.
func ExampleInner_WrappedRoundTripper() {
	var rt http.RoundTripper = signer{Inner: roundtripper.Inner{RoundTripper: &http.Transport{}}}
	if w, ok := rt.(interface{ WrappedRoundTripper() http.RoundTripper }); ok {
		fmt.Printf("%T\n", w.WrappedRoundTripper())
	}
	// Output: *http.Transport
}

// Look at the settings of the transport that is below all layers.
func ExampleAs() {
	rt := roundtripper.Wrap(&http.Transport{MaxIdleConnsPerHost: 16}, roundtripper.Observe(roundtripper.Observer{}))
	if t, ok := roundtripper.As[*http.Transport](rt); ok {
		fmt.Println(t.MaxIdleConnsPerHost)
	}
	// Output: 16
}

// Walk down a stack, layer by layer.
func ExampleUnwrap() {
	rt := roundtripper.Wrap(signer{Inner: roundtripper.Inner{RoundTripper: &http.Transport{}}}, roundtripper.Observe(roundtripper.Observer{}))
	layers := 0
	for rt = roundtripper.Unwrap(rt); rt != nil; rt = roundtripper.Unwrap(rt) {
		layers++
		fmt.Printf("%T\n", rt)
	}
	fmt.Println(layers, "below the first")
	// Output:
	// roundtripper_test.signer
	// *http.Transport
	// 2 below the first
}

// For a RoundTripper without a client around it.
func ExampleCloseIdleConnections() {
	base := &roundtrippertest.Transport{}
	rt := roundtripper.Wrap(base, roundtripper.Observe(roundtripper.Observer{}))
	roundtripper.CloseIdleConnections(rt)
	fmt.Println(base.IdleCloses())
	// Output: 1
}

// An SDK that insists on an *http.Transport, and neither sets its fields nor clones it,
// is given one that sends all through the stack.
func ExampleFacade() {
	sdk := struct{ Transport *http.Transport }{}
	base := &roundtrippertest.Transport{}
	sdk.Transport = roundtripper.Facade(roundtripper.Wrap(base, roundtripper.Observe(roundtripper.Observer{})))

	client := &http.Client{Transport: sdk.Transport}
	if _, err := client.Get("https://api.example/"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(len(base.Calls()), "request through the stack")
	// Output: 1 request through the stack
}

// An SDK sets fields of the *http.Transport that it is given, and they act.
func ExampleFacadeOf() {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	defer srv.Close()
	// An SDK does this in its ConfigureTLS, or in NewClient with a certificate to trust.
	configure := func(t *http.Transport, cert *x509.Certificate) {
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		t.TLSClientConfig.RootCAs.AddCert(cert)
	}

	requests := 0
	count := roundtripper.Observe(roundtripper.Observer{End: func(context.Context, roundtripper.Exchange) { requests++ }})
	facade := roundtripper.FacadeOf(&http.Transport{}, count)
	configure(facade, srv.Certificate())

	resp, err := (&http.Client{Transport: facade}).Get(srv.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Status, "and", requests, "request through the layers")
	// Output: 204 No Content and 1 request through the layers
}
