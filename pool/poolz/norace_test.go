//go:build !race

package poolz

const raceEnabled = false
