package poolprof

import (
	"net/http"
	"strconv"
	"time"

	"github.com/warmconn/warmconn/pool"
)

// longest is the longest time that a difference may be asked for.
const longest = time.Hour

// Handler serves the profile of p. With ?seconds=N it is that of the next N seconds, an hour at most, as
// of net/http/pprof's profiles; the answer takes as long, and a WriteTimeout of the
// server's must leave time for it. It says nothing of the
// program but its call sites and the hosts that it talks to: who may see these is for a handler
// around it to decide, or for the address that it listens on. A nil p panics.
func Handler(p *pool.Pool) http.Handler {
	if p == nil {
		panic("poolprof: a nil Pool")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var within time.Duration
		if v := r.FormValue("seconds"); v != "" {
			n, err := strconv.ParseUint(v, 10, 32)
			within = time.Duration(n) * time.Second
			if err != nil || within > longest {
				http.Error(w, "seconds: want a whole number, 3600 at most", http.StatusBadRequest)
				return
			}
		}
		stats := p.Stats()
		if within > 0 {
			t := time.NewTimer(within)
			defer t.Stop()
			select {
			case <-t.C:
			case <-r.Context().Done():
				return
			}
			before := stats.NewByCaller
			stats = p.Stats()
			stats.NewByCaller = since(before, stats.NewByCaller)
		}
		shown := Profile(stats)
		shown.DurationNanos = within.Nanoseconds()
		h := w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", `attachment; filename="connections"`)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		shown.Write(w)
	})
}

// since is what has come between two lists of one Pool.
func since(before, after []pool.NewConns) (between []pool.NewConns) {
	old := make(map[pool.NewConns]pool.NewConns, len(before))
	for _, n := range before {
		old[what(n)] = n
	}
	for _, n := range after {
		was := old[what(n)]
		if n.Conns -= was.Conns; n.Conns > 0 {
			n.Time -= was.Time
			between = append(between, n)
		}
	}
	return between
}

// what is all that does not change of n.
func what(n pool.NewConns) pool.NewConns {
	n.Host, n.Conns, n.Time = "", 0, 0
	return n
}
