package benchmarks

import (
	"net/http"
	"testing"
	"testing/synctest"
)

// TestSlotIsHeldUntilClose: what is compared limits the same thing.
func TestSlotIsHeldUntilClose(t *testing.T) {
	for _, l := range overStub {
		if l.name == "none" || l.name == "observe" {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := l.wrap(quick{}, 1)
				req, err := http.NewRequestWithContext(t.Context(), "GET", "http://host.example/", nil)
				if err != nil {
					t.Fatal(err)
				}
				held, err := rt.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 1)
				go func() { done <- do(rt, "http://host.example/", false) }()
				synctest.Wait()
				select {
				case err := <-done:
					t.Fatalf("a second request at once: %v", err)
				default:
				}
				held.Body.Close()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
