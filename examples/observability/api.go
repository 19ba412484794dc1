package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ask asks Prometheus' HTTP API, and unpacks what it answers.
func (p *prometheusServer) ask(ctx context.Context, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1/"+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", path, answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

// series is one of an expression's.
type series struct {
	labels map[string]string
	value  float64
}

// query evaluates an expression, now.
func (p *prometheusServer) query(ctx context.Context, expr string) (all []series, err error) {
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	if err := p.ask(ctx, "query", url.Values{"query": {expr}}, &data); err != nil {
		return nil, fmt.Errorf("%w in %s", err, expr)
	}
	for _, r := range data.Result {
		text, _ := r.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, series{r.Metric, value})
	}
	return all, nil
}

// alert is one that is pending or fires.
type alert struct {
	Labels map[string]string
	State  string
}

func (p *prometheusServer) alerts(ctx context.Context) ([]alert, error) {
	var data struct{ Alerts []alert }
	err := p.ask(ctx, "alerts", nil, &data)
	return data.Alerts, err
}

// exemplar leads from a bucket of a histogram to a span.
type exemplar struct {
	trace, span string
	series      map[string]string // the bucket's labels
}

func (p *prometheusServer) exemplars(ctx context.Context, expr string) (all []exemplar, err error) {
	var data []struct {
		SeriesLabels map[string]string
		Exemplars    []struct{ Labels map[string]string }
	}
	now := time.Now()
	query := url.Values{"query": {expr}, "start": {stamp(now.Add(-time.Hour))}, "end": {stamp(now.Add(time.Minute))}}
	if err := p.ask(ctx, "query_exemplars", query, &data); err != nil {
		return nil, err
	}
	for _, s := range data {
		for _, e := range s.Exemplars {
			all = append(all, exemplar{e.Labels["trace_id"], e.Labels["span_id"], s.SeriesLabels})
		}
	}
	return all, nil
}

func stamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// names are all metrics that Prometheus has.
func (p *prometheusServer) names(ctx context.Context) (map[string]bool, error) {
	var data []string
	if err := p.ask(ctx, "label/__name__/values", nil, &data); err != nil {
		return nil, err
	}
	all := make(map[string]bool, len(data))
	for _, name := range data {
		all[name] = true
	}
	return all, nil
}
