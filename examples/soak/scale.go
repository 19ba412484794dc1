package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// scale is a panel's, from bottom to top.
type scale struct {
	low, high float64
	log       bool
	ticks     []float64
}

func newScale(p *panel, least, most float64) scale {
	if p.log {
		s := scale{low: math.Pow(10, math.Floor(math.Log10(max(least, p.floor)))), high: math.Pow(10, math.Ceil(math.Log10(max(most, 10*p.floor)))), log: true}
		for v := s.low; v <= s.high*1.001; v *= 10 {
			s.ticks = append(s.ticks, v)
		}
		return s
	}
	step := niceStep(max(most, 1) / 3)
	s := scale{low: p.floor, high: step * math.Ceil(max(most, 1)/step)}
	for v := s.low; v <= s.high+step/2; v += step {
		s.ticks = append(s.ticks, v)
	}
	return s
}

// niceStep is 1, 2 or 5 times a power of ten, and the first that is not below v.
func niceStep(v float64) float64 {
	ten := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5} {
		if n*ten >= v {
			return n * ten
		}
	}
	return 10 * ten
}

// place is from 0, at the bottom, to 1.
func (s *scale) place(v float64) float64 {
	if s.log {
		return math.Log(max(v, s.low)/s.low) / math.Log(s.high/s.low)
	}
	return (v - s.low) / (s.high - s.low)
}

// timeStep is the time between two ticks: at most twelve fit.
func timeStep(length time.Duration) time.Duration {
	for _, step := range []time.Duration{time.Second / 10, time.Second / 4, time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour} {
		if length/step <= 12 {
			return step
		}
	}
	return 24 * time.Hour
}

// clock prints a tick of the time.
func clock(at time.Duration) string {
	switch {
	case at >= time.Minute && at%time.Minute == 0:
		return fmt.Sprintf("%.0f min", at.Minutes())
	case at > time.Minute:
		return fmt.Sprintf("%d:%02d", at/time.Minute, at%time.Minute/time.Second)
	}
	return fmt.Sprintf("%g s", at.Seconds())
}

// label is the name of a line, at its end.
type label struct {
	y           float64
	class, text string
}

// apart moves labels so that none covers another.
func apart(labels []label, top, bottom float64) []label {
	const high = 15
	slices.SortStableFunc(labels, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	for i := range labels {
		labels[i].y = max(labels[i].y, top+float64(i)*high)
		if i > 0 {
			labels[i].y = max(labels[i].y, labels[i-1].y+high)
		}
	}
	for i := range labels {
		under := len(labels) - 1 - i
		labels[under].y = min(labels[under].y, bottom-float64(i)*high)
	}
	return labels
}
