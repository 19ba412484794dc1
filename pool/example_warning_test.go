package pool_test

import (
	"fmt"
	"net/http"

	"github.com/warmconn/warmconn/pool"
)

// A program is warned where it puts the Pool on a middleware, and not into it.
func ExampleOptions_onWarning() {
	p := pool.New(pool.Options{OnWarning: func(w pool.Warning) { fmt.Println(w) }})
	defer p.Close()
	p.Middleware(opaque{http.DefaultTransport})
	// Output: pool only counts requests, and owns no connections: it stands outside of a pool_test.opaque; wrap what that wraps
}

// A Warning has a Kind and the Base's type for programs, and a sentence for people.
func ExampleWarning() {
	p := pool.New(pool.Options{OnWarning: func(w pool.Warning) { fmt.Println(w.Kind, w.Base) }})
	defer p.Close()
	p.Middleware(opaque{http.DefaultTransport})
	// Output: stands_outside pool_test.opaque
}

// A logger prints the sentence.
func ExampleWarning_String() {
	w := pool.Warning{Kind: pool.NotOwned, Base: "sdk.Transport", Text: "pool only counts requests"}
	fmt.Printf("%v\n", w)
	// Output: pool only counts requests
}

// A program tolerates foreign transports, and refuses to start if the order of its layers is
// wrong.
func ExampleWarningKind() {
	for _, k := range []pool.WarningKind{pool.NotOwned, pool.StandsOutside} {
		switch k {
		case pool.StandsOutside:
			fmt.Println(k, "is a mistake")
		default:
			fmt.Println(k, "is only counted")
		}
	}
	// Output:
	// not_owned is only counted
	// stands_outside is a mistake
}
