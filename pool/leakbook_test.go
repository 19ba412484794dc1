package pool

import (
	"fmt"
	"testing"
	"time"
)

func TestLeaksOfOnePlaceAreOneEntry(t *testing.T) {
	var b leakBook
	stack := []uintptr{1, 2, 3}
	b.note(leakSite{host: "a", stack: stack}, time.Second)
	b.note(leakSite{host: "b", stack: stack}, time.Second)
	b.note(leakSite{host: "a", stack: stack, suspected: true}, time.Second)
	b.note(leakSite{host: "a", stack: []uintptr{1, 2}}, time.Second)
	stack[0] = 9 // whoever has it may use it again
	b.note(leakSite{host: "a", stack: []uintptr{1, 2, 3}}, 2*time.Second)
	got := ""
	for _, s := range b.list() {
		got += fmt.Sprintf("%s %v %v %d %v; ", s.host, s.stack, s.suspected, s.n, s.age)
	}
	if want := "a [1 2 3] false 2 2s; a [1 2] false 1 1s; a [1 2 3] true 1 1s; b [1 2 3] false 1 1s; "; got != want {
		t.Errorf("got %s want %s", got, want)
	}
}

func TestTheLeakBookForgetsThePlaceThatWasQuietForLongest(t *testing.T) {
	var b leakBook
	for i := range 2 * leakSitesMost {
		b.note(leakSite{host: fmt.Sprint(i)}, 0)
		b.note(leakSite{host: "often"}, 0)
	}
	all := b.list()
	if len(all) != leakSitesMost {
		t.Fatalf("%d places, want %d", len(all), leakSitesMost)
	}
	if all[0].host != "often" || all[0].n != 2*leakSitesMost || all[leakSitesMost-1].host != fmt.Sprint(leakSitesMost+1) {
		t.Errorf("the last is %+v, the first %+v", all[0], all[leakSitesMost-1])
	}
}
