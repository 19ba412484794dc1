//go:build go1.27

package main

// netHTTPDrains: from Go 1.27 on net/http drains in the background, after Close
// has returned (golang/go#77370).
const netHTTPDrains = true
