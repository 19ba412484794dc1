package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// busy tells what other programs had of the processors since watch.
type busy struct {
	all, own time.Duration
	began    time.Time
}

func watch() busy { return busy{busyTime(), cpuTime(), time.Now()} }

// others is a share of all processors, in which what the machine's host has taken
// counts as well.
func (b busy) others() string {
	now := watch()
	if now.all == 0 {
		return "an unknown share"
	}
	took := (now.all - b.all) - (now.own - b.own)
	return fmt.Sprintf("%.0f %%", 100*max(0, took.Seconds())/now.began.Sub(b.began).Seconds()/float64(processors()))
}

// busyTime is the time in which the machine's processors were not idle, all of them
// together: Linux alone says it. Zero means unknown.
func busyTime() time.Duration {
	const tick = 10 * time.Millisecond // USER_HZ, the same on all Linux that Go runs on
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(data), "\n")
	fields := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal guest guest_nice
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0
	}
	var ticks int64
	for i, f := range fields[1:9] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		if idle := i == 3 || i == 4; !idle {
			ticks += n
		}
	}
	return time.Duration(ticks) * tick
}

func processors() int {
	data, _ := os.ReadFile("/proc/stat")
	n := strings.Count(string(data), "\ncpu")
	return max(1, n)
}
