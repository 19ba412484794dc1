package main

import (
	"strings"
	"testing"
)

func TestEditsMustBeFoundOnce(t *testing.T) {
	edit := [][2]string{{"func A()", "func B()"}}
	if got, err := apply("x; func A()", edit); err != nil || got != "x; func B()" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, text := range []string{"func C()", strings.Repeat("func A()", 2)} {
		if _, err := apply(text, edit); err == nil {
			t.Errorf("%q was edited", text)
		}
	}
}
