package faultlist

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Runner compares stacks with bare net/http.
type Runner struct {
	Stacks  []Stack
	Methods []Method
	Endings []Ending
	// AtOnce is how many plays go on at the same time.
	AtOnce int
}

// A request that meets the end of its connection under way is lost, with bare net/http, too,
// and one behind a fault may be given a connection on which there is something left of that
// before its reader has seen it. Such an outcome is by chance if a stack that plays again so
// often has it no more than so often, or the next time: what keeps a machine busy comes in bursts.
// How often it is, pool's stress test compares.
const again, seldom = 20, 2

// moreRuns is how often bare net/http plays again, behind the first time, before an outcome
// that it has not had is a difference. Most of what is by chance it has once in 20 times, or
// more often: one run in 10^4 misses that.
const moreRuns = 200

// Report is what a Runner has seen of a fault.
type Report struct {
	Compared int      // outcomes of stacks
	Excused  int      // that differ by the fault's own list
	Chance   int      // that bare net/http has not had, and the stack does not have again
	Late     int      // the same, by a deadline: on a busy machine it comes before all else
	Unused   []string // of that list: what did not occur
	Wrong    []string // differences, and what was left
}

// row is what is compared: the outcomes of one kind of request.
type row struct {
	f    *Fault
	m    Method
	e    Ending
	bare [requests]map[string]int // see of
	vain map[string]bool          // outcomes that bare net/http was asked for again, in vain
}

// Compare plays a fault through all stacks.
func (r *Runner) Compare(f *Fault) (report Report) {
	var rows []*row
	for _, m := range r.Methods {
		for _, e := range r.Endings {
			if e == Closes && !m.Bodiless() || e == Reads && (!f.Endless || m.Bodiless()) {
				rows = append(rows, &row{f: f, m: m, e: e, vain: make(map[string]bool)})
			}
		}
	}
	var mu sync.Mutex
	wrong := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		report.Wrong = append(report.Wrong, fmt.Sprintf(format, args...))
	}
	gate := make(chan struct{}, max(r.AtOnce, 1))
	var all sync.WaitGroup
	run := func(f *Fault, w *row, s Stack, then func(outs [requests]string)) {
		all.Go(func() {
			gate <- struct{}{}
			outs, left := play(f, s, w.m, w.e)
			<-gate
			if left != "" {
				wrong("%s: left: %s", w.name(s), left)
			}
			mu.Lock()
			defer mu.Unlock()
			then(outs)
		})
	}
	type result struct {
		w    *row
		s    Stack
		outs [requests]string
	}
	var results []result
	for _, w := range rows {
		run(f, w, Bare, w.add)
		for _, s := range r.Stacks {
			run(f, w, s, func(outs [requests]string) { results = append(results, result{w, s, outs}) })
		}
	}
	all.Wait()
	// On a busy machine the deadline may come before all else, again and again, so that who plays
	// again has more time.
	patient, morePatient := *f, *f
	patient.Deadline *= 8
	morePatient.Deadline = max(patient.Deadline, min(64*f.Deadline, patience))
	used := make(map[Difference]bool)
	for _, got := range results {
		for i, out := range got.outs {
			report.Compared++
			d, excused := f.excuse(out)
			for n := 0; n < moreRuns && got.w.of(i)[out] == 0 && !excused && !got.w.vain[out] && !got.w.hangs(i, out); n += cap(gate) {
				for range cap(gate) {
					run(&patient, got.w, Bare, got.w.add)
				}
				all.Wait()
			}
			if got.w.of(i)[out] > 0 || got.w.hangs(i, out) {
				continue
			}
			if excused {
				used[d] = true
				report.Excused++
				continue
			}
			got.w.vain[out] = true
			if isLost(out) || i%2 == 1 || f.late(out) || f.Chance != "" {
				recurs := 0
				for _, f := range []*Fault{&patient, &morePatient} {
					recurs = 0
					for range again {
						run(f, got.w, got.s, func(outs [requests]string) {
							if outs[i] == out || f.Anywhere && slices.Contains(outs[:], out) {
								recurs++
							}
						})
					}
					all.Wait()
					if recurs <= seldom {
						break
					}
				}
				if recurs <= seldom {
					if f.late(out) {
						report.Late++
					} else {
						report.Chance++
					}
					continue
				}
				out += fmt.Sprintf(" (and %d times of %d more)", recurs, again)
			}
			wrong("%s: request %d of %d: %s\n\tbare: %s", got.w.name(got.s), i+1, requests, out, strings.Join(got.w.had(i), "\n\tbare: "))
		}
	}
	for _, d := range f.Differs {
		if !used[d] {
			report.Unused = append(report.Unused, d.Has)
		}
	}
	return report
}

func (w *row) name(s Stack) string {
	return fmt.Sprintf("%s: %s: %s: %s", w.f.Name, s.Name, w.m.Name, w.e)
}

func (w *row) add(outs [requests]string) {
	for i, out := range outs {
		had := &w.bare[w.place(i)]
		if *had == nil {
			*had = make(map[string]int)
		}
		(*had)[out]++
	}
}

// of is what bare net/http has had of request i, or of all of them where the fault says
// Anywhere, with how often.
func (w *row) of(i int) map[string]int { return w.bare[w.place(i)] }

func (w *row) place(i int) int {
	if w.f.Anywhere {
		return 0
	}
	return i
}

// hangs reports whether the deadline has come, as it has with bare net/http: on a busy
// machine it may come before the first byte of an answer, or a connection.
func (w *row) hangs(i int, out string) bool {
	if !w.f.late(out) {
		return false
	}
	for bare := range w.of(i) {
		if w.f.late(bare) {
			return true
		}
	}
	return false
}

// late reports whether the deadline has come.
func (f *Fault) late(out string) bool {
	return f.Deadline != 0 && strings.Contains(out, "failed: timeout")
}

// had puts what of returns into words.
func (w *row) had(i int) (list []string) {
	for _, out := range slices.Sorted(maps.Keys(w.of(i))) {
		list = append(list, fmt.Sprintf("%d times: %s", w.of(i)[out], out))
	}
	return list
}

func (f *Fault) excuse(out string) (Difference, bool) {
	for _, d := range f.Differs {
		if strings.Contains(out, d.Has) {
			return d, true
		}
	}
	return Difference{}, false
}
