package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// lab is what one run has open and has measured.
type lab struct {
	*options
	servers map[protocol]*server
	clients map[setting][]*client // in the order of the stacks
	results []*result             // in the order of the cells
}

// result is what one cell's samples have shown.
type result struct {
	cell   cell
	n      int         // requests in a sample
	took   [][]sample  // by stack, by round
	allocs [][]float64 // by stack
}

// Allocations are counted in one round of so many: with one worker once would do.
const countEvery = 4

func open(o *options) (*lab, error) {
	l := &lab{options: o, servers: map[protocol]*server{}, clients: map[setting][]*client{}}
	for _, c := range o.cells {
		if l.servers[c.protocol] == nil {
			l.servers[c.protocol] = serve(c.protocol)
		}
		if l.clients[c.setting] == nil {
			for _, s := range o.stacks {
				l.clients[c.setting] = append(l.clients[c.setting], newClient(s, l.servers[c.protocol], c.workers))
			}
		}
		r := &result{cell: c, took: make([][]sample, len(o.stacks)), allocs: make([][]float64, len(o.stacks))}
		l.results = append(l.results, r)
	}
	// Every stack must be able to do every setting before minutes are spent.
	for _, c := range o.cells {
		for _, cl := range l.clients[c.setting] {
			if err := cl.send(c, 1); err != nil {
				l.close()
				return nil, err
			}
		}
	}
	l.rest()
	return l, nil
}

func (l *lab) rest() {
	for _, clients := range l.clients {
		for _, cl := range clients {
			cl.rest()
		}
	}
}

func (l *lab) close() {
	l.rest()
	for _, s := range l.servers {
		s.Close()
	}
}

// measure takes all rounds' samples, says on progress how far it is, and returns
// how many rounds there were. If ctx ends there are fewer, and the one that was
// not complete counts where it got to.
func (l *lab) measure(ctx context.Context, progress io.Writer) (int, error) {
	began := time.Now()
	for round := range l.rounds {
		settings := l.settings()
		for _, i := range rand.Perm(len(settings)) {
			if ctx.Err() != nil && round == 0 {
				return 0, errors.New("interrupted in the first round")
			}
			if ctx.Err() != nil {
				return round, nil
			}
			if err := l.visit(settings[i], round); err != nil {
				return 0, err
			}
		}
		fmt.Fprintf(progress, "round %d of %d, %v\n", round+1, l.rounds, time.Since(began).Round(time.Second))
	}
	return l.rounds, nil
}

// settings are the cells, those of one setting together: it has its connections
// open while they are measured.
func (l *lab) settings() [][]*result {
	var groups [][]*result
	for i, r := range l.results {
		if i == 0 || r.cell.setting != l.results[i-1].cell.setting {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], r)
	}
	return groups
}

func (l *lab) visit(group []*result, round int) error {
	clients := l.clients[group[0].cell.setting]
	for _, cl := range clients {
		defer cl.rest()
		if err := cl.ready(group[0].cell, l.warmup); err != nil {
			return err
		}
	}
	for _, i := range rand.Perm(len(group)) {
		if err := l.samples(group[i], clients, round); err != nil {
			return err
		}
	}
	return nil
}

// samples takes one of each stack in r's cell.
func (l *lab) samples(r *result, clients []*client, round int) error {
	if r.n == 0 {
		var err error
		if r.n, err = l.requests(clients[0], r.cell); err != nil {
			return err
		}
	}
	for _, i := range rand.Perm(len(clients)) {
		s, err := clients[i].time(r.cell, r.n)
		if err != nil {
			return err
		}
		r.took[i] = append(r.took[i], s)
		if round%countEvery != 0 {
			continue
		}
		n, err := clients[i].allocations(r.cell, l.count)
		if err != nil {
			return err
		}
		r.allocs[i] = append(r.allocs[i], n)
	}
	return nil
}

// requests is how many cl sends in a sample's time: each worker four at least, so
// that they work together for most of it.
func (l *lab) requests(cl *client, c cell) (int, error) {
	try := 20 * c.workers
	s, err := cl.time(c, try)
	if err != nil {
		return 0, err
	}
	return max(4*c.workers, int(float64(try)*l.sample.Seconds()/s.wall.Seconds())), nil
}
