//go:build !race

package roundtripper_test

const raceEnabled = false
