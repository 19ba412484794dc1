// Package poolprof is a profile of the places in a program that cost connections, for
// go tool pprof: closing bodies unread, cancelling requests, leaking bodies.
//
//	http.Handle("/debug/pprof/connections", poolprof.Handler(p)) // beside net/http/pprof's
//
//	go tool pprof -top -lines http://localhost:6060/debug/pprof/connections
//
// It is made of pool.Stats.NewByCaller, which costs nothing more than that. It has two values: time,
// which making the new connections has taken, DNS, connect and TLS, as the Pool has measured it; and
// connections, how many they were (-sample_index=connections). A sample's stack is that of the
// request to blame, from the program's own line on, pool.NewConns.Caller, so that -top has the
// lines of the program and not those of an SDK: the label inner has that line, reason why the
// connection was lost, and host where it went (go tool pprof -tags).
//
// Left out are the connections that were no loss: the first to a host, and those for which all
// others were busy. Where no request is to blame, or its stack was not taken, the sample has
// one frame, "no call site: server_closed_idle" say. Stacks are taken of the first requests to
// each host, of one in 64 after that, and of a few after each loss without one: what costs
// connections again and again is shown, and with pool.Options.AlwaysCaller all that does.
//
// It is a module of its own, so that no other user of the kit gets github.com/google/pprof.
package poolprof

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/google/pprof/profile"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// Write writes the profile of s to w, compressed, as go tool pprof reads it.
func Write(w io.Writer, s pool.Stats) error { return Profile(s).Write(w) }

// Profile returns the profile of s, which is valid and the caller's.
func Profile(s pool.Stats) *profile.Profile {
	b := builder{
		profile: &profile.Profile{
			SampleType:        []*profile.ValueType{{Type: "connections", Unit: "count"}, {Type: "time", Unit: "nanoseconds"}},
			DefaultSampleType: "time",
			TimeNanos:         time.Now().UnixNano(),
			// It has all symbols: pprof need not look for the program's file.
			Mapping: []*profile.Mapping{{ID: 1, File: program(), HasFunctions: true, HasFilenames: true, HasLineNumbers: true, HasInlineFrames: true}},
		},
		functions: make(map[function]*profile.Function),
		locations: make(map[place]*profile.Location),
	}
	for _, n := range s.NewByCaller {
		if n.Reason != roundtripper.ReasonFirst && n.Reason != roundtripper.ReasonAllBusy {
			b.add(n)
		}
	}
	return b.profile
}

// program is the import path of the program's main package.
func program() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		return info.Path
	}
	return "program"
}

// builder gives each function and each line of the program one number.
type builder struct {
	profile   *profile.Profile
	functions map[function]*profile.Function
	locations map[place]*profile.Location
}

type function struct{ name, file string }

type place struct {
	function
	line int
}

func (b *builder) add(n pool.NewConns) {
	s := &profile.Sample{
		Value: []int64{int64(n.Conns), n.Time.Nanoseconds()}, // #nosec G115 -- a count of connections
		Label: map[string][]string{"reason": {string(n.Reason)}},
	}
	for label, text := range map[string]string{"host": n.Host, "inner": n.Inner} {
		if text != "" {
			s.Label[label] = []string{text}
		}
	}
	for _, f := range fromCaller(n) {
		s.Location = append(s.Location, b.location(place{function{f.Function, f.File}, f.Line}))
	}
	if s.Location == nil {
		s.Location = []*profile.Location{b.location(place{function{name: "no call site: " + string(n.Reason)}, 0})}
	}
	b.profile.Sample = append(b.profile.Sample, s)
}

// fromCaller are the frames from Caller's on.
func fromCaller(n pool.NewConns) []runtime.Frame {
	frames := n.Frames()
	i := slices.IndexFunc(frames, func(f runtime.Frame) bool {
		return fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Function) == n.Caller
	})
	if i < 0 {
		return nil
	}
	return frames[i:]
}

func (b *builder) location(at place) *profile.Location {
	if l := b.locations[at]; l != nil {
		return l
	}
	l := &profile.Location{
		ID:      uint64(len(b.profile.Location) + 1),
		Mapping: b.profile.Mapping[0],
		Line:    []profile.Line{{Function: b.function(at.function), Line: int64(at.line)}},
	}
	b.locations[at] = l
	b.profile.Location = append(b.profile.Location, l)
	return l
}

func (b *builder) function(name function) *profile.Function {
	if f := b.functions[name]; f != nil {
		return f
	}
	f := &profile.Function{ID: uint64(len(b.profile.Function) + 1), Name: name.name, SystemName: name.name, Filename: name.file}
	b.functions[name] = f
	b.profile.Function = append(b.profile.Function, f)
	return f
}
