package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"time"
)

// profile runs the one stack in the one cell, client and server in one profile.
func (l *lab) profile(ctx context.Context, stdout io.Writer) error {
	r := l.results[0]
	cl := l.clients[r.cell.setting][0]
	if err := cl.ready(r.cell, l.warmup); err != nil {
		return err
	}
	n, err := l.requests(cl, r.cell)
	if err != nil {
		return err
	}
	allocs, err := cl.allocations(r.cell, l.count)
	if err != nil {
		return err
	}
	f, err := os.Create(l.options.profile)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	var sum sample
	for began := time.Now(); err == nil && ctx.Err() == nil && time.Since(began) < l.time; {
		cpu, from := cpuTime(), time.Now()
		err = cl.send(r.cell, n)
		sum.n, sum.wall, sum.cpu = sum.n+n, sum.wall+time.Since(from), sum.cpu+cpuTime()-cpu
	}
	pprof.StopCPUProfile()
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s, %s: %d requests, %.1f µs each, %.1f µs of cpu, %s allocations\n", cl.stack.name, r.cell, sum.n,
		1e6*sum.wall.Seconds()/float64(sum.n), 1e6*sum.cpu.Seconds()/float64(sum.n), count(allocs))
	return err
}
