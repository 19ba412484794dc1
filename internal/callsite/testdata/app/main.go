// App uses an SDK that leaks a body, and prints what the Pool says of it.
package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"runtime"
	"strings"
	"time"

	"example.com/sdk"
	"github.com/warmconn/warmconn/pool"
)

func main() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))
	defer srv.Close()
	leaks := make(chan pool.Leak, 1)
	p := pool.New(pool.Options{OnLeak: func(l pool.Leak) { leaks <- l }})
	defer p.Close()
	list(&sdk.Client{HTTP: p.Client()}, srv.URL)
	for range 1000 {
		runtime.GC()
		select {
		case l := <-leaks:
			show("caller", l.Caller)
			show("inner", l.Inner)
			if all := l.Frames(); len(all) < 4 {
				fmt.Println("frames", all)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	fmt.Println("no leak was found")
	os.Exit(1)
}

func list(c *sdk.Client, url string) {
	if _, err := c.Get(url); err != nil {
		fmt.Println(err)
	}
}

// show prints a site without directory and line.
func show(what, site string) {
	file, function, _ := strings.Cut(path.Base(strings.SplitN(site, " ", 2)[0])+" "+site[strings.LastIndexByte(site, ' ')+1:], " ")
	fmt.Println(what, file[:strings.LastIndexByte(file, ':')+1], function)
}
