package poolprom

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

var update = flag.Bool("update", false, "write testdata")

// everything has each figure once, all of them different.
func everything() pool.Stats {
	n := pool.Counters{
		Requests: 1001, Waits: 31, WaitTime: 1500 * time.Millisecond, QueueFull: 2, WaitTimeouts: 3, Hopeless: 4, Shed: 5, WaitsCanceled: 6,
		Leaks: 7, Suspected: 8, Drained: 9, GaveUp: 10, DrainTimedOut: 11, DrainSkipped: 12, BytesDrained: 13, DrainTime: 14 * time.Microsecond,
	}
	return pool.Stats{
		Hosts: []pool.HostStats{{
			Host: "https://api.example:443", Limit: 20, InUse: 15, Waiting: 16, Watched: true, Open: 17, Active: 18, Idle: 19, IdleKept: 21,
			ServerIdle: 5 * time.Second, Rotates: true, Dialing: 22, Opened: 40, Closed: 23, New: words{"first": 1, "body_unread": 19}, Lost: words{"body_unread": 20, "idle_timeout": 3},
			Handshakes: 24, Resumed: 25, Counters: n,
		}},
		Limit: 30, InUse: 26, Waiting: 27, Open: 17, Idle: 19, Active: 18, Opened: 40, Closed: 23, New: words{"first": 3, "body_unread": 19},
		Lost: words{"body_unread": 20, "idle_timeout": 3}, Counters: n,
	}
}

func exposition(t testing.TB, c prometheus.Collector) string {
	t.Helper()
	var out bytes.Buffer
	for _, f := range gather(t, c) {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func gather(t testing.TB, c prometheus.Collector) []*dto.MetricFamily {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families
}

func TestTheExpositionIsWhatWasWrittenDown(t *testing.T) {
	const file = "testdata/exposition.txt"
	got := exposition(t, newCollector(everything, Options{}))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant %s (go test -update writes it)", got, file)
	}
}

// The doc's table is what a reader goes by.
func TestTheDocNamesEachMetricAndNoOther(t *testing.T) {
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	named := make(map[string]bool)
	for _, word := range strings.Fields(string(source)) {
		if word, _, _ := strings.Cut(word, "{"); strings.HasPrefix(word, "warmconn_pool_") {
			named[word] = true
		}
	}
	for _, f := range gather(t, newCollector(everything, Options{})) {
		if !named[f.GetName()] {
			t.Errorf("doc.go does not name %s", f.GetName())
		}
		delete(named, f.GetName())
	}
	for name := range named {
		t.Errorf("doc.go names %s, which is not collected", name)
	}
}

func TestNamesFollowTheRulesOfPrometheus(t *testing.T) {
	problems, err := testutil.CollectAndLint(newCollector(everything, Options{}))
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	bad, err := promlint.New(strings.NewReader("# TYPE warmconn_milliseconds counter\nwarmconn_milliseconds 1\n")).Lint()
	if err != nil || len(bad) < 2 {
		t.Errorf("a bad name and a missing help have the problems %v, %v", bad, err)
	}
}

// A figure that is added to Stats has to be collected, or listed here with the reason.
func TestEachFigureOfStatsIsCollected(t *testing.T) {
	elsewhere := map[string]string{
		"Stats.Open": "Opened - Closed", "Stats.Closed": "the sum of Lost", "Stats.Idle": "the sum over hosts", "Stats.Active": "the sum over hosts",
		"HostStats.Closed": "the sum of Lost", "Stats.Hosts": "its elements are", "Stats.NewByCaller": "lines of the program have no bound as labels",
	}
	zero := func() pool.Stats { return pool.Stats{Hosts: []pool.HostStats{{Host: "http://a:80"}}} }
	before := exposition(t, newCollector(zero, Options{}))
	figures := 0
	var set func(of string, at func(*pool.Stats) reflect.Value)
	set = func(of string, at func(*pool.Stats) reflect.Value) {
		s := zero()
		typ := at(&s).Type()
		for i := range typ.NumField() {
			f := typ.Field(i)
			name := of + "." + f.Name
			if f.Anonymous {
				set(name, func(s *pool.Stats) reflect.Value { return at(s).Field(i) })
				continue
			}
			if elsewhere[name] != "" {
				continue
			}
			s := zero()
			switch v := at(&s).Field(i); v.Kind() {
			case reflect.Int, reflect.Int64:
				v.SetInt(7)
			case reflect.Uint64:
				v.SetUint(7)
			case reflect.Bool:
				v.SetBool(true)
			case reflect.String:
				v.SetString("http://b:80")
			case reflect.Map:
				v.Set(reflect.ValueOf(map[roundtripper.NewReason]uint64{"dead": 7}))
			default:
				t.Fatalf("%s is a %s", name, v.Kind())
			}
			figures++
			if exposition(t, newCollector(func() pool.Stats { return s }, Options{})) == before {
				t.Errorf("%s is not collected", name)
			}
		}
	}
	set("Stats", func(s *pool.Stats) reflect.Value { return reflect.ValueOf(s).Elem() })
	set("HostStats", func(s *pool.Stats) reflect.Value { return reflect.ValueOf(&s.Hosts[0]).Elem() })
	if figures < 45 {
		t.Errorf("%d figures found", figures)
	}
}

// Ten thousand hosts make no more series than a hundred, and the busiest hosts are named.
func TestManyHostsAreBounded(t *testing.T) {
	s := pool.Stats{}
	for i := range 10_000 {
		h := pool.HostStats{Host: fmt.Sprintf("http://h%d:80", i), Open: 1}
		h.Requests = uint64(i)
		s.Requests += h.Requests
		s.Hosts = append(s.Hosts, h)
	}
	for _, o := range []Options{{}, {MaxHosts: 3}, {MaxHosts: -1}} {
		want := o.MaxHosts
		switch want {
		case 0:
			want = 100
		case -1:
			want = 0
		}
		c := newCollector(func() pool.Stats { return s }, o)
		series := 0
		for _, f := range gather(t, c) {
			series += len(f.Metric)
			if f.GetName() != "warmconn_pool_requests_total" {
				continue
			}
			var sum float64
			for _, m := range f.Metric {
				sum += m.GetCounter().GetValue()
				var n int
				if _, err := fmt.Sscanf(m.Label[0].GetValue(), "http://h%d:80", &n); err == nil && n < 10_000-want {
					t.Errorf("%s is named, which has fewer requests than others", m.Label[0].GetValue())
				}
			}
			if len(f.Metric) != want+1 || sum != float64(s.Requests) {
				t.Errorf("%+v: %d hosts with %v requests in all, want %d with %d", o, len(f.Metric), sum, want+1, s.Requests)
			}
		}
		if most := 40 * (want + 1); series > most {
			t.Errorf("%+v: %d series, want %d at most", o, series, most)
		}
		if n := testutil.CollectAndCount(c, "warmconn_pool_open_connections"); n != want+1 {
			t.Errorf("%+v: %d series of open connections", o, n)
		}
	}
}

// A host whose name can't be a label does not make the collection fail.
func TestHostileHostsAreUnderOther(t *testing.T) {
	s := pool.Stats{}
	for _, host := range []string{"http://\xff:80", "http://\xfe:80", "http://" + strings.Repeat("a", 10_000) + ":80", "http://\"\n{}<script>:80"} {
		h := pool.HostStats{Host: host}
		h.Requests = 1
		s.Requests++
		s.Hosts = append(s.Hosts, h)
	}
	got := exposition(t, newCollector(func() pool.Stats { return s }, Options{}))
	for _, want := range []string{`warmconn_pool_requests_total{host="other"} 3`, `warmconn_pool_requests_total{host="http://\"\n{}<script>:80"} 1`} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %s in\n%s", want, got)
		}
	}
}
