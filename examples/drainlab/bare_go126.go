//go:build !go1.27

package main

// netHTTPDrains: up to Go 1.26 net/http closes a connection whose body is closed
// early. Plain net/http is "always close" then, and needs no row of its own.
const netHTTPDrains = false
