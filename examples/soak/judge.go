package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Both variants send the same requests to servers that treat them alike, but when a
// server closes or resets a connection, chance decides which requests are lost with it. So two
// variants that do the same differ by chance, and only what is beyond that is wrong.
const (
	// zMost is by how many standard deviations the kit may have more failures. Chance exceeds it
	// once in 30,000 runs.
	zMost = 4
	// newMost is how many failures of a class the kit may have that bare net/http never has:
	// chance exceeds it once in 1000 runs, for each class.
	newMost = 9
)

// judge says which requests failed with the kit that would not have with bare net/http.
func judge(samples []sample, bare, kit *counts) (wrong []string) {
	if kit.mixed+bare.mixed > 0 {
		wrong = append(wrong, fmt.Sprintf("%d responses with the kit had bytes of others, with bare net/http %d", kit.mixed, bare.mixed))
	}
	if kit.atGood > 0 && bare.atGood == 0 {
		wrong = append(wrong, fmt.Sprintf("%d requests to good servers failed with the kit, none with bare net/http: %s", kit.atGood, kit.firstAtGood))
	}
	if z := excess(samples); z > zMost {
		wrong = append(wrong, fmt.Sprintf("%d requests failed with the kit, with bare net/http %d: z %.1f of %d", kit.failed, bare.failed, z, zMost))
	}
	for class, n := range kit.classes {
		own := strings.HasPrefix(class, "pool_")
		if bare.classes[class] == 0 && (n > newMost || own) {
			wrong = append(wrong, fmt.Sprintf("%d requests failed as %s with the kit, none with bare net/http", n, class))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// excess is by how many standard deviations the kit has more failures than bare net/http. Between
// two samples the same requests are sent, so these are compared pairwise. Failures come in
// groups, of all that were on one connection: the variance is that of the differences, but no
// less than that of as many failures which come one by one.
func excess(samples []sample) float64 {
	var sum, square, single float64
	var last sample
	for _, s := range samples {
		kit, bare := s.kit.n.failed-last.kit.n.failed, s.bare.n.failed-last.bare.n.failed
		sum += float64(kit - bare)
		square += float64((kit - bare) * (kit - bare))
		single += float64(kit + bare)
		last = s
	}
	if sum <= 0 {
		return 0
	}
	return sum / math.Sqrt(max(square, single))
}
