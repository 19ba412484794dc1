package page

import (
	"fmt"
	"strings"
)

const head = `# The kit under SDKs

<!-- Generated from the tests in examples/sdks by "go test ./internal/page -update" there. Change the tests. -->

The line that puts the kit under each SDK, what to set before it, and what must not be set after it. Each row is a test, which runs the SDK's calls against a server on loopback, once with bare
net/http and once with the kit: one after the other and 8 to 40 at once, with 404, 503 and retries, malformed and cut answers, bodies closed unread, half read and cancelled, deadlines, uploads.
It fails unless every call has the outcome that it has with bare net/http, each request that reached the server has one span, whose traceparent came with it and whose parent is the caller's,
no connection, goroutine or descriptor is left, and at least so many requests in 100 were on a connection that was there already, over http and over TLS with HTTP/1. Over HTTP/2 it is 99.5.

` + "```sh\ncd examples/sdks && go test ./...\n```" + `

In the lines, ` + "`kit`" + ` is a ` + "`*warmconn.Kit`" + `: ` + "`kit := warmconn.New(warmconn.Options{})`" + `, ` + "`httpClient`" + ` your ` + "`*http.Client`" + ` or nil, ` + "`base`" + ` your ` + "`*http.Transport`" + `, and ` + "`cfg`, `options` or `urls`" + ` what the SDK calls so.
The line and the test are the same text; the versions are those of the tests' go.mod.

| SDK | version | the line | set first | not after | reuse, % |
|---|---|---|---|---|---|
`

// Render is the document.
func Render(rows []Row) string {
	var b strings.Builder
	b.WriteString(head)
	for _, r := range rows {
		var code, reuse []string
		for _, line := range r.Lines {
			line = strings.ReplaceAll(strings.TrimLeft(line, "\t"), "|", `\|`)
			code = append(code, "`"+line+"`")
		}
		for _, percent := range r.Reuse {
			reuse = append(reuse, fmt.Sprint(percent))
		}
		version := r.Version
		if r.Module == "std" {
			version = "Go's"
		}
		fmt.Fprintf(&b, "| [%s](../examples/sdks/%s/%s) | %s | %s | %s | %s | %s |\n", r.SDK, r.Dir, r.File, version, strings.Join(code, "<br>"), r.First, r.NotAfter, strings.Join(reuse, " / "))
	}
	return b.String()
}
