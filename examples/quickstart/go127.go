//go:build go1.27

package main

// netHTTPDrains: since Go 1.27 net/http itself reads the rest of a body that is
// closed early, in the background, if it is at most 256 KiB and takes at most
// 50 ms (golang/go#77370). Part of I1 is gone with it, with the kit or without.
const netHTTPDrains = true
