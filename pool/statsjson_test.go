package pool_test

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

var updateJSON = flag.Bool("update-json", false, "rewrite testdata/stats.json")

// everyField is a Stats without a zero in it, whatever fields it has.
func everyField(t *testing.T) (s pool.Stats) {
	n := 0
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		n++
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					fill(v.Field(i))
				}
			}
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0))
		case reflect.Map:
			v.Set(reflect.ValueOf(map[roundtripper.NewReason]uint64{roundtripper.ReasonBodyUnread: uint64(n)}))
		case reflect.String:
			v.SetString("text")
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int, reflect.Int64:
			v.SetInt(int64(n))
		case reflect.Uint64:
			v.SetUint(uint64(n))
		default:
			t.Fatalf("a %v in Stats", v.Kind())
		}
	}
	fill(reflect.ValueOf(&s).Elem())
	return s
}

// The file is what programs outside read: a name that is lost there is a new StatsVersion.
func TestStatsKeepTheirNamesAsJSON(t *testing.T) {
	const file = "testdata/stats.json"
	got, err := json.MarshalIndent(everyField(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *updateJSON {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got\n%s\nwant what is in %s; if that is meant: go test ./pool -run AsJSON -update-json", got, file)
	}
}

func TestStatsComeBackFromJSON(t *testing.T) {
	want := everyField(t)
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got pool.Stats
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	var ns struct{ WaitTime int64 }
	if err := json.Unmarshal([]byte(text), &ns); err != nil || time.Duration(ns.WaitTime) != want.WaitTime {
		t.Errorf("WaitTime is %d (error %v), want nanoseconds: %d", ns.WaitTime, err, want.WaitTime)
	}
}
