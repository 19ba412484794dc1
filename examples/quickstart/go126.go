//go:build !go1.27

package main

// netHTTPDrains: up to Go 1.26 a body closed before its end costs the connection.
const netHTTPDrains = false
