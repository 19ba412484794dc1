package main

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	selector = regexp.MustCompile(`\{[^{}]*\}`)
	grouping = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)`)
	ourName  = regexp.MustCompile(`\b(?:warmconn|http)_[a-z0-9_]+\b`)
	label    = regexp.MustCompile(`label_values\(([a-z0-9_]+),`)
	exprLine = regexp.MustCompile(`(?ms)^ +expr: \|\n(.*?)^        [a-z]`)
)

// metricsIn are the metrics that an expression names.
func metricsIn(expr string) []string {
	return ourName.FindAllString(grouping.ReplaceAllString(selector.ReplaceAllString(expr, ""), ""), -1)
}

func TestMetricsInAnExpressionAreFound(t *testing.T) {
	got := metricsIn(`sum by (warmconn_new_reason) (rate(warmconn_a_total{http_b="c"}[5m])) / on (http_d) http_e_sum > 0.5`)
	if want := []string{"warmconn_a_total", "http_e_sum"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func rulesText(t *testing.T) string {
	text, err := rules.ReadFile("rules/warmconn.yml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ruleExprs are the expressions of a file of rules.
func ruleExprs(text string) (all []string) {
	for _, m := range exprLine.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// The tests cause alerts by rules with other times, and by no other expressions.
func TestQuickRulesHaveTheSameExpressions(t *testing.T) {
	text := rulesText(t)
	fast := string(quick([]byte(text)))
	before, after := ruleExprs(text), ruleExprs(fast)
	if len(before) != 5 || !slices.Equal(before, after) {
		t.Errorf("%d expressions before, %q, and after %q", len(before), before, after)
	}
	if strings.Contains(fast, "for: 10m") || !strings.Contains(fast, "for: 1s") || !strings.Contains(fast, "interval: 1s") {
		t.Errorf("the times are as they were:\n%s", fast)
	}
}

// An operator who is woken finds a page that says what to do.
func TestEachAlertHasItsPlaceInTheDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(rulesText(t), -1)
	if len(alerts) != 5 {
		t.Errorf("%d alerts found", len(alerts))
	}
	for _, a := range alerts {
		if !strings.Contains(string(text), "\n### "+a[1]+"\n") || !strings.Contains(rulesText(t), "runbook: docs/operating.md#"+strings.ToLower(a[1])+"\n") {
			t.Errorf("%s has no heading in docs/operating.md, or no runbook there", a[1])
		}
	}
}

// dashboard has the parts of Grafana's model that the tests read.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Definition string }
	}
}

func readDashboard(t *testing.T) dashboard {
	text, err := os.ReadFile("dashboards/warmconn.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// queries are the dashboard's expressions with the example's program and all hosts, by panel.
func (d dashboard) queries() map[string][]string {
	all := make(map[string][]string)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all[p.Title] = append(all[p.Title], strings.NewReplacer("$job", service, "$host", ".*", "$__rate_interval", "1m").Replace(target.Expr))
		}
	}
	return all
}

// A user who chooses a program and a host sees those alone, in every panel.
func TestTheDashboardIsOfTheChosenProgramAndHost(t *testing.T) {
	ofPool := regexp.MustCompile(`[{,]host=~"([^"]*)"`)
	pools := 0
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			for _, one := range selector.FindAllString(target.Expr, -1) {
				if !strings.Contains(one, `job=~"$job"`) || !strings.Contains(one, "$host") {
					t.Errorf("%s: %s is not of the program and the host", p.Title, one)
				}
				m := ofPool.FindStringSubmatch(one)
				if m == nil {
					continue
				}
				pools++
				for _, v := range []struct {
					chosen, host string
					want         bool
				}{
					{"a\\.test", "http://a.test:80", true}, {"::1", "http://[::1]:80", true}, {"::1|a\\.test", "https://a.test:443", true},
					{"a\\.test", "other", true}, {".*", "http://[::1]:80", true}, {"test", "http://a.test:80", false}, {"1", "http://[::1]:80", false},
				} {
					is := regexp.MustCompile("^(?:" + strings.ReplaceAll(m[1], "$host", v.chosen) + ")$").MatchString(v.host)
					if is != v.want {
						t.Errorf("%s: %s, and %s is chosen: %v by %s", p.Title, v.host, v.chosen, is, m[1])
					}
				}
			}
		}
	}
	if pools < 10 {
		t.Errorf("%d selectors of poolprom's metrics found", pools)
	}
}

// Of several processes the sums are compared with the sum of their limits.
func TestTheDashboardComparesSumsWithSums(t *testing.T) {
	for _, expr := range readDashboard(t).queries()["Slots"] {
		if !strings.HasPrefix(expr, "sum by (host) (") {
			t.Errorf("%s is no sum", expr)
		}
	}
}

// named are the metrics of the dashboard and of the rules.
func named(t *testing.T) []string {
	all := make(map[string]bool)
	add := func(names []string) {
		for _, name := range names {
			all[name] = true
		}
	}
	for _, expr := range ruleExprs(rulesText(t)) {
		add(metricsIn(expr))
	}
	d := readDashboard(t)
	for _, exprs := range d.queries() {
		for _, expr := range exprs {
			add(metricsIn(expr))
		}
	}
	for _, v := range d.Templating.List {
		if m := label.FindStringSubmatch(v.Definition); m != nil {
			add(m[1:])
		}
	}
	return slices.Sorted(maps.Keys(all))
}
