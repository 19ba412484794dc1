package main

import (
	"errors"
	"net/url"
	"slices"
	"testing"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// made is a comparison in which nothing is wrong.
func made() *comparison {
	return &comparison{scenario: "made", workers: 8, rows: []*row{
		{variant: bare, rps: []float64{100, 50, 80}, opened: 100, errors: map[string]int{"EOF": 1}},
		{variant: again, rps: []float64{99, 51, 80}, opened: 104, errors: map[string]int{"reset": 1}},
		{variant: kit, kit: true, rps: []float64{100, 51, 79}, opened: 114, errors: map[string]int{"EOF": 3, "reset": 2}},
		{variant: limited, kit: true, limit: 5, rps: []float64{60, 30, 50}, opened: 5},
	}}
}

func TestCheckFindsWhatIsOutOfBounds(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *comparison)
		want   []string
	}{
		{"nothing", func(*comparison) {}, nil},
		{"slow in most rounds", func(c *comparison) { c.row(kit).rps = []float64{100, 45, 70} },
			[]string{"kit: 0.90 of bare's requests/s, want 0.94 at least"}},
		{"slow in one round", func(c *comparison) { c.row(kit).rps = []float64{10, 51, 79} }, nil},
		{"too slow, but not for a limit below the workers", func(c *comparison) { c.workers = 5 },
			[]string{"kit, max 5: 0.60 of bare's requests/s, want 0.94 at least"}},
		{"bare varies as much", func(c *comparison) {
			c.row(again).rps = []float64{90, 45, 70}
			c.row(kit).rps = []float64{90, 45, 70}
		}, nil},
		{"more connections", func(c *comparison) { c.row(kit).opened = 115 },
			[]string{"kit: 115 connections, want 114 at most"}},
		{"an error of its own", func(c *comparison) { c.row(limited).errors = map[string]int{"closed": 2} },
			[]string{`kit, max 5: 2 times "closed", which bare never has`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := made()
			tt.change(c)
			if got := c.outOfBounds(0.06); !slices.Equal(got, tt.want) {
				t.Errorf("outOfBounds = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestErrorsOfOneCauseAreOneClass(t *testing.T) {
	for _, ports := range []string{"127.0.0.1:1->127.0.0.1:2", "127.0.0.1:33->127.0.0.1:44"} {
		err := &url.Error{Op: "Get", URL: "https://" + ports, Err: errors.New("write tcp " + ports + ": broken pipe")}
		if got, want := child.Class(err), "write tcp addr->addr: broken pipe"; got != want {
			t.Errorf("class = %q, want %q", got, want)
		}
	}
}
