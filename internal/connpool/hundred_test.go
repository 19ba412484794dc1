package connpool

import (
	"context"
	"testing"
)

// TestABurstGetsResponsesWhereTheLimitIsAHundred: 250 requests that wait for each other,
// over connections of 100 streams.
func TestABurstGetsResponsesWhereTheLimitIsAHundred(t *testing.T) {
	const requests = 250
	together, in := meeting(requests)
	s, transport := limited(t, initialStreams, false, together)
	r := rt{p: newPool(t, transport(), Options{})}
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	var done []<-chan error
	for range requests {
		done = append(done, send(ctx, r, s.URL))
	}
	bad := 0
	for _, d := range done {
		if err := <-d; err != nil {
			bad++
		}
	}
	if bad > 0 {
		t.Errorf("%d requests had no response; %d were with the server", bad, in.Load())
	}
}
