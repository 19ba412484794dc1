// Command observability shows the kit as an operator sees it: a program whose callers are
// good and bad, an OpenTelemetry Collector within it, and a Prometheus beside it that
// scrapes both and evaluates the alerts in rules/warmconn.yml.
//
//	go run .                  # prints the URLs, until interrupted
//	go run . -for 30s
//
// It needs Debian's package prometheus, or another prometheus in PATH. Everything listens
// on loopback, on free ports, and the files are in a temporary directory that is removed
// at the end. The dashboard for Grafana is dashboards/warmconn.json.
//
// The callers are made to fire every alert. That takes minutes by the rules as they are,
// so here they are evaluated each second, and wait for one; the expressions are the same.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	flags := flag.NewFlagSet("observability", flag.ExitOnError)
	limit := flags.Duration("for", 0, "how long to run; 0: until interrupted")
	flags.Parse(os.Args[1:])
	ctx, stop := until(*limit)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "observability:", err)
		os.Exit(1)
	}
}

// until returns a context that ends with the first interrupt, and after limit if that is
// not 0. From then on an interrupt ends the process: what is being stopped may take long.
func until(limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if limit > 0 {
		ctx, cancel = context.WithTimeout(ctx, limit)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, func() { stop(); cancel() }
}

// run is the program, until ctx ends.
func run(ctx context.Context, out io.Writer) (err error) {
	fmt.Fprintln(out, "starting servers, the kit, the Collector and Prometheus")
	s, err := start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	fmt.Fprintf(out, `
  Prometheus                %[1]s
  alerts                    %[1]s/alerts
  connections, by reason    %[1]s/graph?g0.tab=0&g0.range_input=5m&g0.expr=sum+by+(warmconn_new_reason)+(rate(warmconn_connection_new_total[1m]))
  metrics by the Collector  http://%[2]s/metrics
  metrics of pool.Stats     %[3]s/metrics
  spans                     %[4]s
  for Grafana               dashboards/warmconn.json

`, s.prometheus.url, s.collector.metrics, s.metrics.URL, s.collector.spans)

	load := begin(ctx, s, callers)
	defer load.end()
	tell := time.NewTicker(5 * time.Second)
	defer tell.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.prometheus.ended:
			return errors.New("prometheus has ended")
		case <-tell.C:
		}
		stats := s.kit.Stats()
		fmt.Fprintf(out, "%d requests, %d connections opened, %d open; firing: %s\n", stats.Requests, stats.Opened, stats.Open, s.firing(ctx))
	}
}

// firing lists the alerts that fire, for a line of text.
func (s *station) firing(ctx context.Context) string {
	alerts, err := s.prometheus.alerts(ctx)
	if err != nil {
		return err.Error()
	}
	var names []string
	for _, a := range alerts {
		if a.State == "firing" {
			names = append(names, a.Labels["alertname"]+" "+a.Labels["server_address"])
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}
