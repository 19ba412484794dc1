package main

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// The checks say what is wrong with a row, and "" if it shows what it should.
// What the expected numbers are is the point of this program; short loads (-n,
// -c) get room where the default ones do not need it.

func checkClosedUnread(r *row) string {
	if r.Variant == before {
		if netHTTPDrains {
			r.note("since Go 1.27 net/http itself drains a body closed early, up to 256 KiB and for 50 ms, so it reused %.1f %% here without the kit; on Go 1.26 this row is 0 %%", r.ReusedPct)
			return ""
		}
		if r.Connections != r.Requests {
			return fmt.Sprintf("%d connections for %d requests, want one for each", r.Connections, r.Requests)
		}
		return ""
	}
	// Every worker's first request has to dial, and one or two of those dials
	// come in vain. On loopback a new connection is worth a millisecond of
	// draining, which a busy machine may not have for everybody: the kit says
	// which drains it has cut short, or has not begun. And net/http keeps no
	// connection if it learns 50 ms late that the request was written.
	// None of these is an excuse for most connections.
	if d := r.facts.drains; d.done < r.Requests/2 {
		return fmt.Sprintf("%d bodies of %d were drained, want half at least", d.done, r.Requests)
	}
	few := r.workers + r.workers/10 + 2
	return atMost(r, min(few+r.facts.drains.late+r.facts.broken, max(few, r.Requests/2)))
}

func checkNeverClosed(r *row) string {
	if r.Variant == before {
		if r.Connections != r.Requests || r.open != r.Requests {
			return fmt.Sprintf("%d connections, %d of them open, for %d requests, want one for each", r.Connections, r.open, r.Requests)
		}
		return ""
	}
	_, self, _, _ := runtime.Caller(0)
	here := path.Dir(self) + "/incidents.go:" // neverClosed's file
	sited := 0
	for caller, n := range r.facts.callers {
		if strings.HasPrefix(caller, here) {
			sited += n
		}
		r.note("%d leaks reported from %s", n, shortSite(caller))
	}
	r.note("%d slots in use at the end", r.facts.inUse)
	if sited != r.Requests {
		return fmt.Sprintf("%d leaks reported with the caller's file and line, %d in all, want %d", sited, r.facts.leaks(), r.Requests)
	}
	if r.facts.inUse != 0 {
		return fmt.Sprintf("%d slots still in use", r.facts.inUse)
	}
	return atMost(r, 60)
}

func checkIdlePool(r *row) string {
	few := r.workers + r.workers/10
	if r.Variant == before {
		over := few
		if r.workers >= 10 {
			over += r.Requests / 10
		}
		if r.Connections <= over {
			return fmt.Sprintf("%d connections, expected over %d", r.Connections, over)
		}
		return ""
	}
	return atMost(r, few)
}

func checkDroppedClients(r *row) string {
	if r.Variant == before {
		if r.open != r.Requests {
			return fmt.Sprintf("%d connections open, want %d", r.open, r.Requests)
		}
		return ""
	}
	if limit := min(20, r.Requests/4); r.open > limit {
		return fmt.Sprintf("%d connections open, want at most %d", r.open, limit)
	}
	r.note("%d of %d connections still open after the garbage collector ran", r.open, r.Connections)
	return ""
}

func checkKeepAliveOff(r *row) string {
	if r.Connections != r.Requests {
		return fmt.Sprintf("%d connections for %d requests, want one for each", r.Connections, r.Requests)
	}
	if r.Variant == before {
		switch {
		case r.Sockets == nil:
		case r.TLS:
			r.note("over TLS the client closes with the server's close_notify unread, so a RST ends most connections instead of TIME_WAIT")
		case r.Sockets.Server["time_wait"] <= r.Sockets.Client["time_wait"]:
			return "no TIME_WAIT on the server's side"
		}
		return ""
	}
	r.note("as many connections, as the program asked for; %d of %d spans say so (%s)",
		r.facts.named(closeReasons...), r.Requests, strings.Join(closeReasons, ", "))
	if n := r.facts.named(closeReasons...); n != r.Requests {
		return fmt.Sprintf("%d of %d spans name the reason", n, r.Requests)
	}
	return ""
}

// closeReasons say that one side asked for the connection to be closed.
var closeReasons = []string{"keepalives_disabled", "client_close", "server_close"}

func atMost(r *row, want int) string {
	if r.Connections > want {
		return fmt.Sprintf("%d connections for %d requests, want at most %d", r.Connections, r.Requests, want)
	}
	return ""
}
