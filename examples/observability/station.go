package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/poolprom"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// station is all that runs: servers, a client with the kit, the Collector, Prometheus.
type station struct {
	sites      *sites
	client     *http.Client
	kit        *warmconn.Kit
	providers  *providers
	collector  *collector
	prometheus *prometheusServer
	metrics    *httptest.Server // what Prometheus scrapes of the program itself

	undo []func() error // in the order of start
}

// start starts everything. Layers stand outside of the kit's.
func start(ctx context.Context, layers ...roundtripper.Middleware) (s *station, err error) {
	s = new(station)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	dir, err := os.MkdirTemp("", "warmconn-observability-")
	if err != nil {
		return s, err
	}
	s.after(func() error { return os.RemoveAll(dir) })

	if s.collector, err = startCollector(dir, spansMegabytes); err != nil {
		return s, fmt.Errorf("collector: %w", err)
	}
	s.after(s.collector.stop)
	if s.providers, err = newProviders(ctx, s.collector.otlp); err != nil {
		return s, err
	}
	s.after(s.providers.stop)

	s.sites = startSites()
	s.after(func() error { s.sites.stop(); return nil })
	s.kit = warmconn.New(warmconn.Options{
		Pool:  pool.Options{Hosts: map[string]pool.Limits{search: {MaxPerHost: searchSlots}}},
		Trace: trace.Options{TracerProvider: s.providers.spans, MeterProvider: s.providers.metrics},
	})
	s.after(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return s.kit.Shutdown(ctx)
	})
	s.client = roundtripper.Client(&http.Client{Transport: s.sites.transport()}, append(layers, s.kit.Middleware)...)

	// The figures that only the pool has, without OpenTelemetry.
	registry := prometheus.NewRegistry()
	registry.MustRegister(poolprom.NewCollector(s.kit.Pool, poolprom.Options{}))
	s.metrics = httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	s.after(func() error { s.metrics.Close(); return nil })

	s.prometheus, err = startPrometheus(ctx, dir, s.collector.metrics, s.metrics.Listener.Addr().String())
	if err != nil {
		return s, fmt.Errorf("prometheus: %w", err)
	}
	s.after(s.prometheus.stop)
	return s, nil
}

func (s *station) after(f func() error) { s.undo = append(s.undo, f) }

// stop ends everything that was started, the last first.
func (s *station) stop() (err error) {
	for i := len(s.undo) - 1; i >= 0; i-- {
		err = errors.Join(err, s.undo[i]())
	}
	s.undo = nil
	return err
}
