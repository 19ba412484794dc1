package roundtrippertest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/warmconn/warmconn/roundtripper/roundtrippertest"
)

// The upload of a request: was it read, and closed once?
func ExampleBody() {
	upload := &roundtrippertest.Body{Text: "hello"}
	base := &roundtrippertest.Transport{}
	client := &http.Client{Transport: userAgent(base)}
	if _, err := client.Post("http://api.example/", "text/plain", upload); err != nil {
		fmt.Println(err)
	}
	fmt.Println(base.Calls()[0].Body, upload.Closes())
	// Output: hello 1
}

// A body that breaks after its first bytes, and can't be closed without an error.
func ExampleBody_err() {
	b := &roundtrippertest.Body{Text: "hel", Err: io.ErrUnexpectedEOF, CloseErr: errors.New("connection reset")}
	text, err := io.ReadAll(b)
	fmt.Println(string(text), err)
	fmt.Println(b.Close())
	// Output:
	// hel unexpected EOF
	// connection reset
}

// A body whose end does not come before the server lets it.
func ExampleBody_until() {
	end := make(chan struct{})
	b := &roundtrippertest.Body{Text: "hello", Until: end}
	start := make([]byte, 5)
	n, err := b.Read(start)
	fmt.Println(string(start[:n]), err)
	close(end)
	n, err = b.Read(start)
	fmt.Println(n, err)
	// Output:
	// hello <nil>
	// 0 EOF
}

// Close ends a Read that waits, as the Close of a connection does.
func ExampleBody_Close() {
	b := &roundtrippertest.Body{Until: make(chan struct{})}
	ended := make(chan error)
	go func() {
		_, err := b.Read(make([]byte, 1))
		ended <- err
	}()
	b.Close()
	fmt.Println(<-ended)
	// Output: http: invalid Read on closed Body
}

// A response's body that was dropped has no Close.
func ExampleBody_Closes() {
	answer := &roundtrippertest.Body{Text: "hello"}
	client := &http.Client{Transport: &roundtrippertest.Transport{
		Body: func(*http.Request) io.ReadCloser { return answer },
	}}
	resp, err := client.Get("http://api.example/")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Closes())
	resp.Body.Close()
	fmt.Println(answer.Closes())
	// Output:
	// 0
	// 1
}

func ExampleBody_Read() {
	b := &roundtrippertest.Body{Text: "hello"}
	text, err := io.ReadAll(b)
	fmt.Println(string(text), err)
	// Output: hello <nil>
}

// Has the middleware read the body? One that only adds a header should not.
func ExampleBody_Reads() {
	answer := &roundtrippertest.Body{Text: "hello"}
	client := &http.Client{Transport: userAgent(&roundtrippertest.Transport{
		Body: func(*http.Request) io.ReadCloser { return answer },
	})}
	resp, err := client.Get("http://api.example/")
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(answer.Reads())
	// Output: 0
}
