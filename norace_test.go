//go:build !race

package warmconn_test

const raceEnabled = false
