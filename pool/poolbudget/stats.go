package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// stats is what is read of a pool.Stats. Package json takes names in any case.
type stats struct {
	Version     int
	Opened      *uint64
	Requests    *uint64
	Lost        map[string]uint64
	NewByCaller []newConns
	Hosts       []hostStats
}

type hostStats struct {
	Host             string
	Opened, Requests uint64
	New, Lost        map[string]uint64
}

// newConns are of several hosts if Host is empty.
type newConns struct {
	Reason, Host, Caller string
	Conns                uint64
	Time                 time.Duration
}

// known is the newest version of pool.Stats that this command understands.
const known = 1

func read(r io.Reader) (stats, error) {
	d := json.NewDecoder(r)
	var in struct {
		stats
		Stats *stats
	}
	if err := d.Decode(&in); err != nil {
		return stats{}, fmt.Errorf("the input is no pool.Stats as JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return stats{}, errors.New("there is something behind the first JSON object")
	}
	s := in.stats
	if in.Stats != nil {
		s = *in.Stats
	}
	switch {
	case s.Version > known:
		return s, fmt.Errorf("the Stats has version %d, and this command knows up to %d: take that of the program's release", s.Version, known)
	case s.Opened == nil || s.Requests == nil:
		return s, errors.New("the input has no Opened and Requests: it is no pool.Stats as JSON")
	}
	return s, nil
}

// figures are what is judged.
type figures struct {
	opened, requests uint64
	lost             map[string]uint64
	new              []newConns
	hosts            []hostStats
}

// of are the figures of the hosts that are named, or all.
func (s stats) of(names []string) figures {
	if len(names) == 0 {
		return figures{*s.Opened, *s.Requests, s.Lost, s.NewByCaller, s.Hosts}
	}
	named := func(host string) bool {
		for _, name := range names {
			if means(name, host) {
				return true
			}
		}
		return false
	}
	f := figures{lost: make(map[string]uint64)}
	reasons := make(map[string]bool)
	for _, h := range s.Hosts {
		if !named(h.Host) {
			continue
		}
		f.hosts = append(f.hosts, h)
		f.opened += h.Opened
		f.requests += h.Requests
		for reason, n := range h.Lost {
			f.lost[reason] += n
		}
		for reason, n := range h.New {
			reasons[reason] = reasons[reason] || n > 0
		}
	}
	// What several hosts have had is these hosts' too, where they have had the like.
	for _, n := range s.NewByCaller {
		if named(n.Host) || n.Host == "" && reasons[n.Reason] {
			f.new = append(f.new, n)
		}
	}
	return f
}

// means reports whether the host, as in "https://api.example.com:443", is what a user calls
// by name: so, or without the scheme, or by its name alone.
func means(name, host string) bool {
	_, port, _ := strings.Cut(host, "://")
	alone, _, err := net.SplitHostPort(port)
	return name == host || name == port || err == nil && strings.Trim(name, "[]") == alone
}
