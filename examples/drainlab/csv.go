package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// Both tables begin with the header in lines with a # and have one row of names.
// Times are in seconds; +Inf is a policy that never ends.

var cellColumns = []string{
	"body", "size_bytes", "tls", "rtt_seconds", "policy", "rounds", "requests",
	"base_seconds", "connection_seconds", "best_seconds", "resolution_seconds", "resolved",
	"cost_seconds", "lost_seconds", "ratio", "gross_ratio", "connections_per_request", "drained_bytes_per_request",
}

// writeCellsCSV has a row for each cell and policy.
func (r *report) writeCellsCSV(w io.Writer) error {
	return r.writeCSV(w, cellColumns, func(row func(...any)) {
		for _, x := range r.results {
			for i, s := range x.scores {
				row(x.body, x.size, x.tls, x.rtt.Seconds(), r.lab.policies[i].name, x.rounds, x.requests,
					x.base, x.conn, x.best, x.resolution, x.resolved(r.lab),
					s.cost, s.lost, s.ratio, s.gross, s.conns, s.bytes)
			}
		}
	})
}

var trialColumns = []string{
	"body", "size_bytes", "tls", "rtt_seconds", "policy", "round", "requests",
	"wall_seconds", "connections_opened", "drained_bytes",
}

// baseName stands for a policy where a trial's requests had no body.
const baseName = "(no body)"

// writeTrialsCSV has a row for each trial: what the others are computed from.
func (r *report) writeTrialsCSV(w io.Writer, benches []*bench) error {
	return r.writeCSV(w, trialColumns, func(row func(...any)) {
		for _, b := range benches {
			trials := func(policy string, ts []trial) {
				for round, t := range ts {
					row(b.body, b.size, b.tls, b.rtt.Seconds(), policy, round+1, t.requests,
						t.wall.Seconds(), t.opened, t.drained)
				}
			}
			trials(baseName, b.base)
			for i, p := range r.lab.policies {
				trials(p.name, b.runs[i])
			}
		}
	})
}

func (r *report) writeCSV(w io.Writer, columns []string, rows func(row func(...any))) error {
	for _, line := range r.header {
		if _, err := fmt.Fprintln(w, "#", line); err != nil {
			return err
		}
	}
	cw := csv.NewWriter(w)
	cw.Write(columns) // the writer keeps its first error
	rows(func(values ...any) {
		var fields []string
		for _, v := range values {
			if f, ok := v.(float64); ok {
				fields = append(fields, strconv.FormatFloat(f, 'g', 6, 64))
				continue
			}
			fields = append(fields, fmt.Sprint(v))
		}
		cw.Write(fields)
	})
	cw.Flush()
	return cw.Error()
}
