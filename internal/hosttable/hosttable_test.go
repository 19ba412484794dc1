package hosttable_test

import (
	"strconv"
	"testing"

	"github.com/warmconn/warmconn/internal/hosttable"
	"github.com/warmconn/warmconn/internal/lockorder"
)

type value struct{ inUse bool }

func (v *value) Forget() bool { return !v.inUse }

func TestATableForgetsWhatIsNotInUse(t *testing.T) {
	var table hosttable.Table[string, *value, lockorder.ConnTable]
	if _, ok := table.Get("a", "a"); ok {
		t.Fatal("a value that was never made")
	}
	busy := table.Of("busy", "busy", func() *value { return &value{inUse: true} })
	for i := range 100_000 {
		k := strconv.Itoa(i)
		table.Of(k, k, func() *value { return new(value) })
	}
	n := 0
	table.Each(func(*value) { n++ })
	if most := 2 * hosttable.Shards * hosttable.SweepFrom; n > most {
		t.Errorf("%d values are kept, want at most %d", n, most)
	}
	if v, ok := table.Get("busy", "busy"); !ok || v != busy {
		t.Error("the value that is in use was forgotten")
	}
}
