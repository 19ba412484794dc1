package main

import (
	"context"
	_ "embed"
	"os"
	"syscall"
	"text/template"
	"time"
)

var node = software{
	name: "node", program: "node", debian: "nodejs", start: startNode,
	situations: []string{"requests", "timeout", "close", "reload", "kill", "streams-h2", "upstream", "413", "413-h2"},
	idle:       1100 * time.Millisecond,
}

//go:embed node.js
var nodeScript string

var nodeConf = template.Must(template.New("node").Parse(`{
	"Log": "{{.Dir}}/access.log", "Cert": "{{.Cert}}", "Key": "{{.Key}}", "Port": {{.Port}},
	"H2": {{.H2}}, "Streams": {{.Streams}}, "Requests": {{.Requests}}, "IdleMS": {{.IdleMS}}, "Close": {{.Close}}
}`))

func startNode(ctx context.Context, program string, c *conf) (*running, error) {
	// A file, which the processes that it starts read as well.
	if err := os.WriteFile(c.path("node.js"), []byte(nodeScript), 0o644); err != nil {
		return nil, err
	}
	r, err := launch(ctx, program, c, "node.json", nodeConf, c.path("node.js"), c.path("node.json"))
	if err != nil {
		return nil, err
	}
	r.reload, r.kill = r.signals(syscall.SIGHUP), r.killsChild
	return r, nil
}
