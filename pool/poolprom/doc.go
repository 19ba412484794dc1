// Package poolprom is a Prometheus collector over the statistics of a
// pool.Pool, for programs without OpenTelemetry, and beside it for what only
// the pool knows: limits, refusals, the time for which a server keeps idle
// connections.
//
//	prometheus.MustRegister(poolprom.NewCollector(p, poolprom.Options{}))
//
// It is a module of its own, so that the kit does not require Prometheus.
//
// # Metrics
//
// Each has the label host, as in pool.HostStats, but for the last four. Times are in
// seconds, sizes in bytes. Counters begin with New, or later: see "How many
// hosts".
//
//	warmconn_pool_requests_total                        Requests
//	warmconn_pool_requests_in_flight                    InUse
//	warmconn_pool_requests_waiting                      Waiting
//	warmconn_pool_requests_limit                        Limit, only where there is one
//	warmconn_pool_waits_total                           Waits
//	warmconn_pool_wait_seconds_total                    WaitTime
//	warmconn_pool_waits_canceled_total                  WaitsCanceled
//	warmconn_pool_refusals_total{reason}                queue_full: QueueFull, wait_timeout: WaitTimeouts,
//	                                                    hopeless: Hopeless, shed: Shed
//	warmconn_pool_open_connections                      Open
//	warmconn_pool_active_connections                    Active
//	warmconn_pool_idle_connections                      Idle
//	warmconn_pool_dialing_connections                   Dialing
//	warmconn_pool_kept_connections                      IdleKept
//	warmconn_pool_connections_opened_total              Opened
//	warmconn_pool_connections_new_total{reason}         New, why connections were new to requests
//	warmconn_pool_connections_closed_total{reason}      Lost, by its words
//	warmconn_pool_server_idle_seconds                   ServerIdle, only once it is known
//	warmconn_pool_host_watched                          1 if Watched, else 0
//	warmconn_pool_host_rotates                          1 if Rotates, else 0
//	warmconn_pool_tls_handshakes_total                  Handshakes
//	warmconn_pool_tls_resumptions_total                 Resumed
//	warmconn_pool_leaks_total                           Leaks
//	warmconn_pool_suspected_leaks_total                 Suspected
//	warmconn_pool_early_closes_total{outcome}           drained: Drained, gave_up: GaveUp,
//	                                                    timed_out: DrainTimedOut, skipped: DrainSkipped
//	warmconn_pool_drained_bytes_total                   BytesDrained
//	warmconn_pool_drain_seconds_total                   DrainTime
//
//	warmconn_pool_hosts                                 how many Hosts there are
//	warmconn_pool_all_requests_in_flight                Stats.InUse
//	warmconn_pool_all_requests_waiting                  Stats.Waiting
//	warmconn_pool_all_requests_limit                    Stats.Limit, only where there is one
//
// Of refusals and early closes each word is there from the beginning, with 0; a
// reason why a connection was new, or was closed, is once it has occurred. Readers
// must expect new words.
//
// # How many hosts
//
// Options.MaxHosts bounds the hosts with series of their own. The first hosts have
// them, and of many new ones the hosts with the most requests. A host keeps its
// series until the pool has forgotten it. The sums of all others are under the host "other",
// which is there as soon as it has anything to say. There too are the requests of
// hosts before they got series, and of the forgotten ones that had none; and what
// is no host's: what the queue of MaxTotal counts, and the new connections of Exempt
// requests. TLS is not in "other", for the Pool keeps no sum of it; watched and rotates have
// no sum.
//
// So nothing is counted twice: the increases over all hosts add up to those of the Pool. The values
// do not, for those of a forgotten host are in no series. No counter falls but that of a
// host that was forgotten and came back: where a figure of Stats falls, as HostStats.Opened does when
// one of two clients is dropped, the counter stays, and rises from there. Three things follow:
//
//   - what a host counts between its last collection and its end is under "other";
//   - a closed connection whose reason was found out after it was collected is under both reasons;
//   - connections that the Pool neither owns nor dials leave Stats with their host: of such as are
//     under "other", and of those that came just before, some may be missing.
//
// The label is UTF-8 of 255 bytes at most; what would not be is under "other".
// It has a name and a port. Stats.NewByCaller is not collected, for the lines of a
// program have no bound as labels; package poolprof has them. Paths, queries,
// passwords and headers are nowhere.
//
// # What it costs
//
// One call of Stats for each collection, about 1 µs for each host in use, and
// some 35 series for each of MaxHosts; nothing between collections.
//
// # Several Pools
//
// Two collectors in one registry need a label to tell them apart:
//
//	prometheus.WrapRegistererWith(prometheus.Labels{"pool": "billing"}, reg).MustRegister(…)
package poolprom
