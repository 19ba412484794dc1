// Package xnettest holds package connpool to golang.org/x/net's HTTP/2: that a
// transport on which http2.ConfigureTransports was called is owned, and says to the
// server what it said before.
//
// It is a module of its own, for the kit does not depend on x/net. x/net is an
// implementation of its own on Go 1.26 and wraps net/http's from Go 1.27 on, so the
// tests have to pass on both.
package xnettest
