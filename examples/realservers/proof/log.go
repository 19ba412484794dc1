package main

import (
	"bufio"
	"cmp"
	"maps"
	"os"
	"slices"
	"strings"
)

// A serverLog is what a server's log says of one client. Each line is the address of
// a connection and the ID of a request, "-" if it has none; the rest of a line
// is the server's own. A log whose connections have another name than their
// address has that in its place.
type serverLog struct {
	conns    map[string]bool     // by address
	requests map[string][]string // by connection, in the order of their ends
	ids      map[string]bool     // of all requests
}

func newLog() *serverLog {
	return &serverLog{conns: make(map[string]bool), requests: make(map[string][]string), ids: make(map[string]bool)}
}

// readLogs reads the logs for the client.
func readLogs(paths []string, c *client) (*serverLog, error) {
	l := newLog()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			l.add(strings.Fields(lines.Text()), c)
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *serverLog) add(fields []string, c *client) {
	if len(fields) < 2 {
		return
	}
	conn, id := fields[0], fields[1]
	if c.owns(conn) {
		l.conns[conn] = true
	}
	if strings.HasPrefix(id, c.letter) {
		l.ids[id] = true
		l.requests[conn] = append(l.requests[conn], id)
	}
}

// longestFirst are the connections, those with the most requests first.
func (l *serverLog) longestFirst() []string {
	return slices.SortedFunc(maps.Keys(l.requests), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(l.requests[b]), len(l.requests[a])), strings.Compare(a, b))
	})
}
