package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestASoakOfASecondLeavesNothing runs the program. What its figures show takes longer.
func TestASoakOfASecondLeavesNothing(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "soak.svg")
	var out, errs strings.Builder
	if code := run([]string{"-for", "1s", "-callers", "6", "-svg", picture}, &out, &errs); code != 0 {
		t.Errorf("exit code %d: %s\n%s", code, errs.String(), out.String())
	}
	if text := out.String(); !strings.Contains(text, "\nback: ") || !strings.Contains(text, "\nwith the kit") {
		t.Errorf("it printed\n%s", text)
	}
	svg, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "polyline" {
			lines++
		}
	}
	if lines < 12 {
		t.Errorf("the picture has %d lines, want 12 or more", lines)
	}
	if bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
		t.Error("the picture has values that are no numbers")
	}
}

func TestWhatIsNotBackIsFound(t *testing.T) {
	g := standing()
	stop := make(chan struct{})
	go func() { <-stop }()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if over := g.over(); len(over) == 0 {
		t.Error("a goroutine and a descriptor more were not found")
	}
	f.Close()
	close(stop)
	if !eventually(patience, func() bool { return len(g.over()) == 0 }) {
		t.Errorf("all is back, but %q", g.over())
	}
}

func TestFailuresOfTheKitAloneAreFound(t *testing.T) {
	// samplesOf has 20 samples, between two of which so many requests fail.
	samplesOf := func(bare, kit func(i int) int) []sample {
		var all []sample
		var now sample
		for i := range 20 {
			now.at = time.Duration(i+1) * time.Second
			now.bare.n.failed += bare(i)
			now.kit.n.failed += kit(i)
			all = append(all, now)
		}
		return all
	}
	flat := func(n int) func(int) int { return func(i int) int { return n + i%2 } }
	once := func(i int) int {
		if i == 7 {
			return 80
		}
		return 3
	}
	classes := func(class string, n int) map[string]int { return map[string]int{class: n} }
	for name, tt := range map[string]struct {
		samples   []sample
		bare, kit counts
		wrong     bool
	}{
		"as many":                             {samples: samplesOf(flat(5), flat(5))},
		"fewer":                               {samples: samplesOf(flat(5), flat(1))},
		"twice as many":                       {samples: samplesOf(flat(5), flat(11)), wrong: true},
		"many at once, once: one connection":  {samples: samplesOf(flat(3), once)},
		"one at a good server":                {kit: counts{atGood: 1}, wrong: true},
		"one at a good server, with both":     {bare: counts{atGood: 1}, kit: counts{atGood: 1}},
		"a byte of another response":          {kit: counts{mixed: 1}, wrong: true},
		"a class that bare net/http has, too": {bare: counts{classes: classes("eof", 1)}, kit: counts{classes: classes("eof", 30)}},
		"a class of its own, often":           {kit: counts{classes: classes("malformed", 30)}, wrong: true},
		"a class of its own, seldom":          {kit: counts{classes: classes("malformed", 3)}},
		"a refusal":                           {kit: counts{classes: classes("pool_queue_full", 1)}, wrong: true},
	} {
		if wrong := judge(tt.samples, &tt.bare, &tt.kit); (len(wrong) > 0) != tt.wrong {
			t.Errorf("%s: %q, want wrong %v", name, wrong, tt.wrong)
		}
	}
}

func TestQuantilesAreRightWithinABucket(t *testing.T) {
	var h histogram
	if got := h.quantile(.5); got != 0 {
		t.Errorf("of none: %v", got)
	}
	for i := 1; i <= 1000; i++ {
		h.add(time.Duration(i) * time.Millisecond)
	}
	for _, q := range []float64{.001, .5, .99, .999, 1} {
		want := q * float64(time.Second)
		if got := float64(h.quantile(q)); math.Abs(got/want-1) > wider-1 {
			t.Errorf("quantile %v is %v, want %v", q, time.Duration(got), time.Duration(want))
		}
	}
}
