package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// collector is an OpenTelemetry Collector in this process, of four components.
type collector struct {
	otlp    string // host and port that take OTLP over HTTP
	metrics string // host and port that Prometheus scrapes
	spans   string // the file that spans are written to, one JSON object a line; an older one is beside it

	run   *otelcol.Collector
	ended chan error
}

// spansMegabytes is how long the file of spans may be. With the one before it the directory
// holds twice as much, however long the program runs.
const spansMegabytes = 100

// OpenMetrics has the exemplars, which Prometheus' own text format has not.
const collectorConfig = `
receivers:
  otlp:
    protocols:
      http:
        endpoint: %s
processors:
  batch:
    timeout: 200ms
exporters:
  prometheus:
    endpoint: %s
    enable_open_metrics: true
  file:
    path: %s
    flush_interval: 200ms
    rotation: {max_megabytes: %d, max_backups: 1}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [file]}
    metrics: {receivers: [otlp], processors: [batch], exporters: [prometheus]}
`

func startCollector(dir string, megabytes int) (*collector, error) {
	ports, err := freeAddrs(2)
	if err != nil {
		return nil, err
	}
	c := &collector{otlp: ports[0], metrics: ports[1], spans: filepath.Join(dir, "spans.json"), ended: make(chan error, 1)}
	c.run, err = otelcol.NewCollector(otelcol.CollectorSettings{
		BuildInfo:               component.BuildInfo{Command: "observability", Version: "0"},
		Factories:               factories,
		DisableGracefulShutdown: true, // signals are this program's
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs:              []string{"yaml:" + fmt.Sprintf(collectorConfig, c.otlp, c.metrics, c.spans, megabytes)},
			ProviderFactories: []confmap.ProviderFactory{yamlprovider.NewFactory()},
		}},
	})
	if err != nil {
		return nil, err
	}
	go func() { c.ended <- c.run.Run(context.Background()) }()
	for deadline := time.Now().Add(30 * time.Second); c.run.GetState() != otelcol.StateRunning; {
		select {
		case err := <-c.ended:
			return nil, err
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			c.run.Shutdown()
			return nil, errors.New("not running after 30 s")
		}
	}
	return c, nil
}

func (c *collector) stop() error {
	c.run.Shutdown()
	return <-c.ended
}

func factories() (otelcol.Factories, error) {
	var (
		f   otelcol.Factories
		err error
	)
	if f.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory()); err != nil {
		return f, err
	}
	if f.Processors, err = otelcol.MakeFactoryMap[processor.Factory](batchprocessor.NewFactory()); err != nil {
		return f, err
	}
	if f.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](prometheusexporter.NewFactory(), fileexporter.NewFactory()); err != nil {
		return f, err
	}
	// Of its own doings it only writes errors. The usual factory of this kind, otelconftelemetry,
	// would be some detectors of clouds more to compile.
	f.Telemetry = telemetry.NewFactory(func() component.Config { return struct{}{} }, telemetry.WithCreateLogger(logErrors))
	return f, nil
}

func logErrors(context.Context, telemetry.LoggerSettings, component.Config) (*zap.Logger, component.ShutdownFunc, error) {
	core := zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.Lock(os.Stderr), zap.ErrorLevel)
	return zap.New(core), nil, nil
}
