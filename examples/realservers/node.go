package main

import (
	"context"
	_ "embed"
	"os/exec"
	"strconv"
)

// node is how node's HTTP/2 server is set up.
type node struct {
	streams int // at once on each connection
}

//go:embed node.js
var nodeScript string

func (n node) start(ctx context.Context, keys *keys) (*server, error) {
	path, err := find("node", "apt-get install nodejs")
	if err != nil {
		return nil, err
	}
	return launch(ctx, "https", func(port int) (*exec.Cmd, error) {
		return exec.Command(path, "-e", nodeScript, "--", strconv.Itoa(port), strconv.Itoa(n.streams), keys.cert, keys.key), nil
	})
}
