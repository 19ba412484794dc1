// Package testmain runs a package's tests as this project wants them run, for their TestMain.
package testmain

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
)

// atOnce is how many parallel tests run at once, at least: most of them wait for a server, a
// deadline or the kernel, so that two processors have time for more than two.
const atOnce = 4

// Run runs the tests and ends the process. The collector runs less often than by default:
// hundreds of tests with a few megabytes each would give it a tenth of their processor time.
// Tests that need a collection ask for it. A -parallel on the command line wins.
func Run(m *testing.M) {
	debug.SetGCPercent(400)
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		flag.Set("test.parallel", strconv.Itoa(max(atOnce, runtime.GOMAXPROCS(0)))) // never fails: the flag is package testing's
	}
	os.Exit(m.Run())
}
