package main

import (
	"context"
	_ "embed"
	"os/exec"
	"strconv"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// node is how node's HTTP/2 server is set up.
type node struct {
	streams int // at once on each connection
}

//go:embed node.js
var nodeScript string

func (n node) start(ctx context.Context, keys *child.Keys) (*child.Server, error) {
	path, err := child.Find("node", "apt-get install nodejs")
	if err != nil {
		return nil, err
	}
	return child.Launch(ctx, "https", func(port int) (*exec.Cmd, error) {
		return exec.Command(path, "-e", nodeScript, "--", strconv.Itoa(port), strconv.Itoa(n.streams), keys.Cert, keys.Key), nil
	})
}
