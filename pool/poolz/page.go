package poolz

import (
	"time"
)

// version is that of the JSON. It changes when a field goes, or means something else; new
// fields may come without that.
const version = 1

// page is what there is to show, as JSON or HTML. What its fields mean is in the package's
// document; strings in it are clean.
type page struct {
	Version      int        `json:"version"`
	SampledAt    *time.Time `json:"sampled_at"`
	LookingSince *time.Time `json:"looking_since"`
	Closed       bool       `json:"pool_closed"`

	Pool      figures `json:"pool"`
	HostCount int     `json:"host_count"`
	Query     string  `json:"query,omitempty"`
	Matching  int     `json:"hosts_matching"`
	Hosts     []host  `json:"hosts"`

	Connections []conn `json:"connections,omitempty"`

	Leaks           []leak    `json:"leaks"`
	Costs           []cost    `json:"costs"`
	Undrained       []body    `json:"undrained"`
	InFlightTracked bool      `json:"in_flight_tracked"`
	InFlight        []request `json:"in_flight"`
	Events          []happens `json:"events"`

	one string // the host that the page is of, as Stats spells it; empty: all
}

// figures are those of a host, or of all.
type figures struct {
	Limit   int `json:"limit"`
	InUse   int `json:"in_use"`
	Waiting int `json:"waiting"`

	Requests          uint64   `json:"requests"`
	RequestsPerSecond *float64 `json:"requests_per_second"`
	NewPerSecond      *float64 `json:"new_per_second"`
	Reuse             *float64 `json:"reuse"`
	ReuseRecent       *float64 `json:"reuse_recent"`

	Open    int    `json:"open"`
	Active  int    `json:"active"`
	Idle    int    `json:"idle"`
	Dialing int    `json:"dialing"`
	Opened  uint64 `json:"opened"`
	Closed  uint64 `json:"closed"`

	New  map[string]uint64 `json:"new_by_reason"`
	Lost map[string]uint64 `json:"closed_by_reason"`

	Waits         uint64  `json:"waits"`
	WaitSeconds   float64 `json:"wait_seconds"`
	QueueFull     uint64  `json:"queue_full"`
	WaitTimeouts  uint64  `json:"wait_timeouts"`
	Hopeless      uint64  `json:"hopeless"`
	Shed          uint64  `json:"shed"`
	WaitsCanceled uint64  `json:"waits_canceled"`

	Leaks         uint64  `json:"leaks"`
	Suspected     uint64  `json:"suspected"`
	Drained       uint64  `json:"drained"`
	GaveUp        uint64  `json:"gave_up"`
	DrainTimedOut uint64  `json:"drain_timed_out"`
	DrainSkipped  uint64  `json:"drain_skipped"`
	BytesDrained  uint64  `json:"bytes_drained"`
	DrainSeconds  float64 `json:"drain_seconds"`

	History *history `json:"history,omitempty"`
	points  []point
}

// history is the last minutes, the oldest first.
type history struct {
	At       []time.Time `json:"at"`
	Requests []float32   `json:"requests_per_second"`
	New      []float32   `json:"new_per_second"`
	Open     []int32     `json:"open"`
	Waiting  []int32     `json:"waiting"`
}

type host struct {
	Host string `json:"host"`
	figures
	Watched           bool    `json:"watched"`
	IdleKept          int     `json:"idle_kept"`
	ServerIdleSeconds float64 `json:"server_idle_seconds"`
	Rotates           bool    `json:"rotates"`
	Handshakes        uint64  `json:"handshakes"`
	Resumed           uint64  `json:"resumed"`

	name string // as Stats spells it, for links; empty if it is too long for one
}

type conn struct {
	ID             uint64     `json:"id"`
	Proto          string     `json:"proto"`
	State          string     `json:"state"`
	Local          string     `json:"local"`
	Remote         string     `json:"remote"`
	TLS            string     `json:"tls"`
	Resumed        bool       `json:"resumed"`
	AgeSeconds     float64    `json:"age_seconds"`
	IdleSeconds    float64    `json:"idle_seconds"`
	Uses           int        `json:"uses"`
	Streams        int        `json:"streams"`
	RetireAt       *time.Time `json:"retire_at"`
	RetireWhy      string     `json:"retire_why"`
	BytesRead      int64      `json:"bytes_read"`
	BytesWritten   int64      `json:"bytes_written"`
	NewReason      string     `json:"new_reason"`
	LostReason     string     `json:"lost_reason"`
	RTTSeconds     *float64   `json:"rtt_seconds"`
	Retransmits    *int       `json:"retransmits"`
	RetiresSeconds float64    `json:"-"`
}

type leak struct {
	Kind       string    `json:"kind"`
	Host       string    `json:"host"`
	Method     string    `json:"method"`
	Caller     string    `json:"caller"`
	Inner      string    `json:"inner"`
	Count      int       `json:"count"`
	Transports int       `json:"transports"`
	AgeSeconds float64   `json:"age_seconds"`
	First      time.Time `json:"first"`
	Last       time.Time `json:"last"`
}

type body struct {
	Host        string    `json:"host"`
	Method      string    `json:"method"`
	Path        string    `json:"path"`
	Outcome     string    `json:"outcome"`
	Skipped     string    `json:"skipped"`
	Caller      string    `json:"caller"`
	Inner       string    `json:"inner"`
	Count       uint64    `json:"count"`
	BytesRead   int64     `json:"bytes_read"`
	CostSeconds float64   `json:"dial_cost_seconds"`
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
}

// cost are connections that a place in the program has cost later requests.
type cost struct {
	Caller      string  `json:"caller"`
	Inner       string  `json:"inner"`
	Reason      string  `json:"reason"`
	Host        string  `json:"host"`
	Connections uint64  `json:"connections"`
	Seconds     float64 `json:"seconds"`
}

type request struct {
	Host       string  `json:"host"`
	Method     string  `json:"method"`
	Caller     string  `json:"caller"`
	Inner      string  `json:"inner"`
	AgeSeconds float64 `json:"age_seconds"`
	Answered   bool    `json:"answered"`
	Suspected  bool    `json:"suspected"`
}

// happens is an event.
type happens struct {
	What    string    `json:"what"`
	Host    string    `json:"host"`
	Reason  string    `json:"reason"`
	Count   uint64    `json:"count"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	Caller  string    `json:"caller"`
	Culprit string    `json:"culprit"`
	Seconds float64   `json:"seconds"`
}
