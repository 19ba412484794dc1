//go:build !go1.27

package drain_test

// nativeDrain: net/http drains by itself, from Go 1.27 on.
const nativeDrain = false
