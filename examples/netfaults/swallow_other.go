//go:build !linux

package main

import "syscall"

func swallow(syscall.Conn) error { return nil }

func cannotSwallow() string { return "packets are swallowed by a socket filter of Linux" }
