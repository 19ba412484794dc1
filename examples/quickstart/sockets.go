package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// sockets counts TCP sockets by state, as the kernel sees them: on loopback
// both ends of a connection are in its tables.
type sockets struct {
	Client states `json:"client"`
	Server states `json:"server"`
}

// states maps a TCP state's name, in lower case, to a number of sockets.
type states map[string]int

// tcpStates are the kernel's state codes (include/net/tcp_states.h) in the
// order in which a table shows them. A listening socket (0A) is no connection.
var tcpStates = []struct {
	code, name, short string
}{
	{"01", "established", "est"},
	{"06", "time_wait", "tw"},
	{"08", "close_wait", "cw"},
	{"04", "fin_wait1", "fw1"},
	{"05", "fin_wait2", "fw2"},
	{"09", "last_ack", "la"},
	{"0B", "closing", "clg"},
	{"02", "syn_sent", "ss"},
	{"03", "syn_recv", "sr"},
	{"0C", "new_syn_recv", "nsr"},
	{"07", "close", "cl"},
}

// String is the compact form, client/server for each state that occurs.
func (s *sockets) String() string {
	if s == nil {
		return "-"
	}
	var parts []string
	for _, st := range tcpStates {
		if c, v := s.Client[st.name], s.Server[st.name]; c+v > 0 {
			parts = append(parts, fmt.Sprintf("%s %d/%d", st.short, c, v))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " ")
}

// moving reports whether a socket is between two states and will leave the one
// it is in by itself: a count taken now would be out of date at once.
func (s *sockets) moving() bool {
	for _, side := range []states{s.Client, s.Server} {
		for name, n := range side {
			if n > 0 && name != "established" && name != "time_wait" && name != "close" {
				return true
			}
		}
	}
	return false
}

// side tells whose end of a connection a socket is.
type side int

const (
	foreign side = iota
	clientSide
	serverSide
)

// byServerPort tells the ends of the connections to a server's port apart.
func byServerPort(port int) func(local, remote int) side {
	return func(local, remote int) side {
		switch port {
		case local:
			return serverSide
		case remote:
			return clientSide
		}
		return foreign
	}
}

// parseTCP adds the sockets of one /proc/net/tcp or tcp6 table to s.
func (s *sockets) parseTCP(table io.Reader, whose func(local, remote int) side) error {
	lines := bufio.NewScanner(table)
	lines.Scan() // the heading
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 4 {
			continue
		}
		local, err := tablePort(f[1])
		if err != nil {
			return err
		}
		remote, err := tablePort(f[2])
		if err != nil {
			return err
		}
		var in states
		switch whose(local, remote) {
		case clientSide:
			in = s.Client
		case serverSide:
			in = s.Server
		default:
			continue
		}
		for _, st := range tcpStates {
			if st.code == f[3] {
				in[st.name]++
			}
		}
	}
	return lines.Err()
}

// tablePort is the port of an address such as 0100007F:1F90.
func tablePort(addr string) (int, error) {
	_, port, ok := strings.Cut(addr, ":")
	if !ok {
		return 0, fmt.Errorf("socket table: no port in %q", addr)
	}
	b, err := hex.DecodeString(port)
	if err != nil || len(b) != 2 {
		return 0, fmt.Errorf("socket table: bad port in %q", addr)
	}
	return int(b[0])<<8 | int(b[1]), nil
}

// parseOutRsts finds Tcp/OutRsts, the RST segments sent since the start of the
// network namespace, in /proc/net/snmp: a line of names, then one of values.
func parseOutRsts(table io.Reader) (int64, error) {
	var names []string
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) == 0 || f[0] != "Tcp:" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		for i, name := range names {
			if name == "OutRsts" && i < len(f) {
				return strconv.ParseInt(f[i], 10, 64)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("snmp table: no Tcp/OutRsts")
}
