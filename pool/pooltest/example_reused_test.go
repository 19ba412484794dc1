package pooltest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/warmconn/warmconn/pool/pooltest"
	"github.com/warmconn/warmconn/roundtripper"
)

// users is an SDK that looks at a status and closes the body unread.
type users struct {
	client *http.Client
	url    string
}

func (u users) Exists(id string) (bool, error) {
	resp, err := u.client.Get(u.url + "/users/" + id + "/export")
	if err != nil {
		return false, err
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK, nil
}

func ExampleAssertReused() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000000") // too long to drain
		w.Write(make([]byte, 4096))
	}))
	defer srv.Close()

	t := new(printer) // a *testing.T
	p := pooltest.AssertReused(t, 1)
	sdk := users{roundtripper.Client(srv.Client(), p.Middleware), "http://api.example.com"} // which leads to srv
	for _, id := range []string{"1", "2", "3"} {
		if _, err := sdk.Exists(id); err != nil {
			fmt.Println(err)
		}
	}

	t.end() // as go test does
	// Output:
	// pooltest: 2 times: a connection more than 1: for GET http://api.example.com:80/users/2/export, by
	// 	example_reused_test.go:19 pooltest_test.users.Exists
	// the reason: body_unread, by
	// 	example_reused_test.go:19 pooltest_test.users.Exists
}

// One Pool checks both, that bodies are closed and that connections are reused. It may be the
// SDK's own, too.
func ExampleCheckReused() {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()

	t := new(printer) // a *testing.T
	p := pooltest.AssertNoLeaks(t)
	pooltest.CheckReused(t, p, 1)
	sdk := users{roundtripper.Client(srv.Client(), p.Middleware), srv.URL}
	for _, id := range []string{"1", "2", "3"} {
		if _, err := sdk.Exists(id); err != nil {
			fmt.Println(err)
		}
	}

	t.end() // as go test does
	fmt.Println(p.Stats().Opened, "connection")
	// Output: 1 connection
}
