//go:build !unix

package main

func descriptorLimit() (int, bool) { return 0, false }
