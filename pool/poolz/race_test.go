//go:build race

package poolz

const raceEnabled = true
