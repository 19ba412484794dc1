//go:build go1.27

package stack

// nativeDrain: net/http drains a body that was closed early by itself, in the
// background, from Go 1.27 on (golang/go#77370).
const nativeDrain = true
