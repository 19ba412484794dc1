// Package poolz is a page that shows a Pool as it works: hosts, connections, why each was
// new and whose fault it was, leaks, bodies closed unread, what is in flight, and what has
// happened in the last minutes.
//
//	mux.Handle("/debug/pool/", poolz.Handler(kit.Pool))
//
// It only reads. Who may see it is for a handler around it to say: it shows hosts, paths and
// lines of the program's source. Mount it on a listener of the loopback address, as in the
// example, or behind what protects your other pages of that kind, net/http/pprof's say.
//
// The loopback address keeps other machines out, and not a web page that somebody on this one
// has open: by DNS rebinding, a name of its own that leads to 127.0.0.1, its script can read what
// is there, as it can pprof's. A handler around this one that refuses requests whose Host is none
// of your names keeps it out: see the second example.
//
// # What it changes
//
// Nothing that requests can notice. What it shows is of the Pool alone: the docs tell what each
// part of it says, in docs/looking.md.
//
// # What it never shows
//
// Values of queries, user information, headers, bodies and the texts of errors. Hosts, paths
// and methods are what others write: characters that can't be seen or that turn a line around
// are spelled out, the middle of what is longer than 160 characters is left out, and all of
// it is escaped.
//
// # What it costs
//
// Before the first look nothing: no goroutine, no memory, nothing on a request's way. From
// then on a goroutine asks the Pool for its Stats every two seconds and at each look, but for
// no more than a fiftieth of the time, keeps points of the last five minutes for the 256 hosts
// with the most traffic, and listens to exchanges that fail, get a new connection or close their
// body unread. It ends five minutes after the last look, when the Pool is closed, and
// when Handler and Pool are dropped. It holds two Stats, each with some 300 bytes for each host in
// use, and 800 with two reasons for new connections and two for closed ones (go test -run
// ASampleIsSmall -v ./pool/poolz); and there is one more while it is taken.
//
// # The query
//
//	?host=NAME     one host, with its connections; NAME as in pool.HostStats
//	?q=TEXT        hosts that have it in their name
//	?format=json   JSON, or html; without it the Accept header says which
//	?refresh=0     a page that does not update itself
//
// A page lists 200 hosts at most, those with the most traffic of late first, and 200
// connections of a host. Where there are so many hosts that counting them takes longer than
// 25 ms, a page and JSON show the last figures there are, and say of when they are. Before there
// are any, a page says so and asks again, and JSON waits for them.
//
// # JSON
//
// The version is 1, and changes when a field goes or means something else; new ones may come.
// Times are in RFC 3339, durations in seconds, and what this page does not know is null. What
// pool has counted is as in pool.Stats and HostStats, since New, and of that, as there, 0 is what
// is not known:
//
//	version, sampled_at, looking_since  looking_since: when history and events begin
//	pool_closed, host_count             host_count: all that are in use, or not forgotten yet
//	query, hosts_matching               what was searched for, and how many there are
//
// In pool, for all hosts, and in each of hosts:
//
//	host                                        scheme, name and port
//	limit, in_use, waiting                      slots; limit 0: none
//	requests, requests_per_second               the second over the last two seconds or so
//	new_per_second                              connections that were new to requests which have ended; of all hosts those of Exempt requests too
//	reuse, reuse_recent                         the part of requests that got a connection which had served before, of those that have ended: in all, over the history
//	open, active, idle, dialing                 connections
//	opened, closed                              connections, in all
//	new_by_reason, closed_by_reason             objects of numbers, by roundtripper.NewReason
//	waits, wait_seconds                         of requests, for a slot
//	queue_full, wait_timeouts, hopeless, shed   refusals
//	waits_canceled                              requests that left the queue
//	leaks, suspected                            bodies
//	drained, gave_up, drain_timed_out           bodies closed before their end
//	drain_skipped, bytes_drained, drain_seconds of such, too
//	watched, idle_kept, server_idle_seconds     as in HostStats
//	rotates, handshakes, resumed                as in HostStats
//	history.at, history.requests_per_second     the last minutes, the oldest first; of pool, and of one host
//	history.new_per_second                      beside it
//	history.open, history.waiting               beside it
//
// With ?host, connections, as in pool.ConnInfo:
//
//	connections.id, connections.proto, connections.state          as there
//	connections.local, connections.remote                         addresses
//	connections.tls, connections.resumed                          tls: "TLS 1.3", say
//	connections.age_seconds, connections.idle_seconds             as there
//	connections.uses, connections.streams                         as there
//	connections.retire_at, connections.retire_why                 as there
//	connections.bytes_read, connections.bytes_written             as there
//	connections.new_reason, connections.lost_reason               as there
//	connections.rtt_seconds, connections.retransmits              as there; null where the kernel has not said, and off Linux
//
// And lists. A call site is "file:line function", empty where the stack was not taken:
//
//	leaks.kind                                                    dropped, suspected or transports
//	leaks.host, leaks.method, leaks.caller, leaks.inner           as in pool.Leak
//	leaks.count, leaks.transports, leaks.age_seconds              age and transports: of the last one
//	leaks.first, leaks.last                                       when
//	costs.caller, costs.inner, costs.reason, costs.host           call sites that cost connections, as in pool.NewConns: no host for several
//	costs.connections, costs.seconds                              how many, and what making others took
//	undrained.host, undrained.method, undrained.path              of the last one at that call site
//	undrained.outcome, undrained.skipped                          as in roundtripper.Exchange
//	undrained.caller, undrained.inner, undrained.count            the call site, and how many
//	undrained.bytes_read, undrained.dial_cost_seconds             of the last one: read by the program; what drain reckoned a connection at
//	undrained.first, undrained.last                               when
//	in_flight_tracked                                             Options has LeakAfter or AlwaysCaller; else in_flight is empty
//	in_flight.host, in_flight.method, in_flight.caller            the oldest 50, as in pool.Request
//	in_flight.inner, in_flight.age_seconds                        as there
//	in_flight.answered, in_flight.suspected                       as there
//	events.what                                                   new_connection, failed, leaked, suspected, refused, connections_closed, server_idle, rotates, pool_closed
//	events.host, events.reason, events.count                      reason: roundtripper.NewReason, the class of an error, or which limit
//	events.first, events.last                                     what happens again within 10 s is one event
//	events.method, events.path, events.caller                     of the last request
//	events.culprit                                                who cost the connection
//	events.seconds                                                of server_idle
package poolz
