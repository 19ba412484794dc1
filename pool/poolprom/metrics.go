package poolprom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/warmconn/warmconn/pool"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("warmconn_pool_"+name, help, labels, nil)
}

func ofHost(name, help string, more ...string) *prometheus.Desc {
	return desc(name, help, append([]string{"host"}, more...)...)
}

// A counter is one figure of pool.HostStats that only rises.
type counter struct {
	desc *prometheus.Desc
	word string  // the second label's, if there is one
	per  float64 // how many make one of the metric
	of   func(*pool.HostStats) uint64
}

const second = 1e9 // nanoseconds

var (
	refusals    = ofHost("refusals_total", "Requests that the pool refused.", "reason")
	earlyCloses = ofHost("early_closes_total", "Response bodies that were closed before their end, by what became of the rest.", "outcome")

	counters = [...]counter{
		{ofHost("requests_total", "Requests that were sent, or are about to be."), "", 1, func(h *pool.HostStats) uint64 { return h.Requests }},
		{ofHost("waits_total", "Waits for a slot that have ended, whatever came of it."), "", 1, func(h *pool.HostStats) uint64 { return h.Waits }},
		{ofHost("wait_seconds_total", "Time of the waits for a slot that have ended."), "", second, func(h *pool.HostStats) uint64 { return uint64(h.WaitTime) }},
		{ofHost("waits_canceled_total", "Requests that left the queue with their context."), "", 1, func(h *pool.HostStats) uint64 { return h.WaitsCanceled }},
		{refusals, "queue_full", 1, func(h *pool.HostStats) uint64 { return h.QueueFull }},
		{refusals, "wait_timeout", 1, func(h *pool.HostStats) uint64 { return h.WaitTimeouts }},
		{refusals, "hopeless", 1, func(h *pool.HostStats) uint64 { return h.Hopeless }},
		{refusals, "shed", 1, func(h *pool.HostStats) uint64 { return h.Shed }},
		{ofHost("leaks_total", "Response bodies that were dropped without being closed."), "", 1, func(h *pool.HostStats) uint64 { return h.Leaks }},
		{ofHost("suspected_leaks_total", "Response bodies that were open for longer than LeakAfter."), "", 1, func(h *pool.HostStats) uint64 { return h.Suspected }},
		{earlyCloses, "drained", 1, func(h *pool.HostStats) uint64 { return h.Drained }},
		{earlyCloses, "gave_up", 1, func(h *pool.HostStats) uint64 { return h.GaveUp }},
		{earlyCloses, "timed_out", 1, func(h *pool.HostStats) uint64 { return h.DrainTimedOut }},
		{earlyCloses, "skipped", 1, func(h *pool.HostStats) uint64 { return h.DrainSkipped }},
		{ofHost("drained_bytes_total", "Bytes that drains have read."), "", 1, func(h *pool.HostStats) uint64 { return h.BytesDrained }},
		{ofHost("drain_seconds_total", "Time that drains took."), "", second, func(h *pool.HostStats) uint64 { return uint64(h.DrainTime) }},
		{ofHost("connections_opened_total", "Connections that were opened."), "", 1, func(h *pool.HostStats) uint64 { return h.Opened }},
		{shakes, "", 1, func(h *pool.HostStats) uint64 { return h.Handshakes }},
		{resumed, "", 1, func(h *pool.HostStats) uint64 { return h.Resumed }},
	}

	fresh  = ofHost("connections_new_total", "Connections that were new to requests which have ended, by why.", "reason")
	closed = ofHost("connections_closed_total", "Connections that were closed, by why.", "reason")

	// The Pool has no sum of these two.
	shakes  = ofHost("tls_handshakes_total", "Connections that came up with TLS.")
	resumed = ofHost("tls_resumptions_total", "Connections that came up with TLS and resumed a session.")
)

// A gauge is one figure of pool.HostStats that may fall.
type gauge struct {
	desc *prometheus.Desc
	of   func(*pool.HostStats) float64
	need func(*pool.HostStats) bool // nil: always there, and summed under other
}

var gauges = [...]gauge{
	{ofHost("requests_in_flight", "Requests that have a slot."), func(h *pool.HostStats) float64 { return float64(h.InUse) }, nil},
	{ofHost("requests_waiting", "Requests that wait for a slot."), func(h *pool.HostStats) float64 { return float64(h.Waiting) }, nil},
	{ofHost("requests_limit", "The most requests in flight."), func(h *pool.HostStats) float64 { return float64(h.Limit) }, func(h *pool.HostStats) bool { return h.Limit > 0 }},
	{ofHost("open_connections", "Connections that are open."), func(h *pool.HostStats) float64 { return float64(h.Open) }, nil},
	{ofHost("active_connections", "Open connections that requests have."), func(h *pool.HostStats) float64 { return float64(h.Active) }, nil},
	{ofHost("idle_connections", "Open connections that are not in use."), func(h *pool.HostStats) float64 { return float64(h.Idle) }, nil},
	{ofHost("dialing_connections", "Connections that are being dialed."), func(h *pool.HostStats) float64 { return float64(h.Dialing) }, nil},
	{ofHost("kept_connections", "Connections that would not be closed now for being too many."), func(h *pool.HostStats) float64 { return float64(h.IdleKept) }, nil},
	{ofHost("server_idle_seconds", "For how long the server keeps idle connections, as was learned."), func(h *pool.HostStats) float64 { return h.ServerIdle.Seconds() }, func(h *pool.HostStats) bool { return h.ServerIdle > 0 }},
	{ofHost("host_watched", "Whether the pool owns the host's connections."), func(h *pool.HostStats) float64 { return oneIf(h.Watched) }, always},
	{ofHost("host_rotates", "Whether lookups of the host's name give other addresses each time."), func(h *pool.HostStats) float64 { return oneIf(h.Rotates) }, always},
}

var (
	hosts      = desc("hosts", "Hosts in use or not forgotten yet.")
	allFlight  = desc("all_requests_in_flight", "Requests to all hosts that have a slot.")
	allWaiting = desc("all_requests_waiting", "Requests to all hosts that wait for a slot.")
	allLimit   = desc("all_requests_limit", "The most requests in flight to all hosts.")
)

func always(*pool.HostStats) bool { return true }

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
