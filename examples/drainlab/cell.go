package main

import (
	"fmt"
	"slices"
	"time"
)

// The kinds of bodies: the three framings, and those that a budget is for.
const (
	length  = "length"       // Content-Length
	chunked = "chunked"      // in pieces, its length unknown
	zipped  = "gzip"         // compressed by the server, decompressed by the transport
	late    = "late-tail"    // chunked and short, but its last chunk takes its time
	slow    = "endless-slow" // goes on for ever, at the rate of a video
	fast    = "endless-fast" // goes on for ever, as fast as the connection takes it
)

var framings = []string{length, chunked, zipped}

// cell is one situation: what is closed unread, and on which network.
type cell struct {
	body string
	size int // before compression; 0 for the kinds that have one of their own
	tls  bool
	rtt  time.Duration
}

func (c cell) String() string {
	name := fmt.Sprintf("%s/%s/%s", c.body, c.protocol(), roundTrip(c.rtt))
	if c.size > 0 {
		name += "/" + bytesName(c.size)
	}
	return name
}

func (c cell) protocol() string {
	if c.tls {
		return "tls"
	}
	return "plain"
}

func (c cell) endless() bool { return c.body == slow || c.body == fast }

// framed says that the cell is in the sweep of sizes.
func (c cell) framed() bool { return slices.Contains(framings, c.body) }

func roundTrip(d time.Duration) string { return fmt.Sprintf("%gms", float64(d)/1e6) }

func bytesName(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%dMiB", n>>20)
	}
	return fmt.Sprintf("%dKiB", n>>10)
}

// grid is what a sweep varies.
type grid struct {
	sizes []int
	rtts  []time.Duration
}

var (
	full = grid{
		sizes: []int{1 << 10, 16 << 10, 128 << 10, 1 << 20, 8 << 20},
		rtts:  []time.Duration{0, 2 * time.Millisecond, 20 * time.Millisecond},
	}
	small = grid{
		sizes: []int{16 << 10, 1 << 20},
		rtts:  []time.Duration{0, 2 * time.Millisecond},
	}
)

// cells is the whole sweep.
func (g grid) cells() []cell {
	var all []cell
	for _, tls := range []bool{false, true} {
		for _, rtt := range g.rtts {
			for _, body := range framings {
				for _, size := range g.sizes {
					all = append(all, cell{body, size, tls, rtt})
				}
			}
			for _, body := range []string{late, slow, fast} {
				all = append(all, cell{body: body, tls: tls, rtt: rtt})
			}
		}
	}
	return all
}
