package main

import (
	"maps"
	"runtime"
	"runtime/metrics"
	"time"
)

// sample is what one moment of the run looks like.
type sample struct {
	at          time.Duration
	goroutines  int
	descriptors int     // -1: this system does not tell
	heap        float64 // bytes, the dead ones included
	slots       int     // of the kit
	ended       bool    // it is the last one, after everything was closed
	bare, kit   look
}

// look is one variant's share.
type look struct {
	n        counts // so far
	open     int    // connections, by the servers
	p50, p99 time.Duration
}

// most is how many samples are taken: one for each few pixels of the picture.
const most = 150

type sampler struct {
	began     time.Time
	tick      *time.Ticker
	bare, kit *variant
	samples   []sample
	before    runtime.MemStats
}

func newSampler(length time.Duration, bare, kit *variant) *sampler {
	s := &sampler{began: time.Now(), tick: time.NewTicker(max(length/most, 50*time.Millisecond)), bare: bare, kit: kit}
	runtime.ReadMemStats(&s.before)
	return s
}

// take takes a sample, and returns how long the run is going on.
func (s *sampler) take() time.Duration {
	now := sample{at: time.Since(s.began), goroutines: runtime.NumGoroutine(), descriptors: descriptors(), heap: heap(), slots: s.kit.slots()}
	now.bare, now.kit = s.bare.look(), s.kit.look()
	s.samples = append(s.samples, now)
	return now.at
}

func (v *variant) look() look {
	l := look{n: v.sums(), open: v.open()}
	v.mu.Lock()
	defer v.mu.Unlock()
	l.n.classes = maps.Clone(l.n.classes)
	l.p50, l.p99 = v.lately.quantile(.5), v.lately.quantile(.99)
	v.lately = histogram{}
	return l
}

// atLast is the sample after everything was closed, drawn a little behind the others.
func atLast(samples []sample) sample {
	last := samples[len(samples)-1]
	return sample{at: last.at + last.at/30, goroutines: runtime.NumGoroutine(), descriptors: descriptors(), heap: heap(), ended: true, bare: look{n: last.bare.n}, kit: look{n: last.kit.n}}
}

// collections are the collector's figures of the run, of both variants and the servers.
type collections struct {
	n       uint32
	paused  time.Duration // in all
	longest time.Duration // of the last 256
	share   float64       // of the processor time since the program began
}

func (s *sampler) collections() collections {
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	c := collections{n: now.NumGC - s.before.NumGC, paused: time.Duration(now.PauseTotalNs - s.before.PauseTotalNs), share: now.GCCPUFraction}
	for i := range min(c.n, uint32(len(now.PauseNs))) {
		c.longest = max(c.longest, time.Duration(now.PauseNs[(now.NumGC-1-i)%uint32(len(now.PauseNs))]))
	}
	return c
}

// heap is how many bytes objects take, those included that the collector has not found yet.
func heap() float64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64())
}
