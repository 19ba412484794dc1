//go:build race

package warmconn_test

const raceEnabled = true
