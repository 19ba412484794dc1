// Package counts prints how often things have occurred.
package counts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Text has the most frequent first; it is "none" if there are none.
func Text[K ~string, V int | uint64](m map[K]V) string {
	if len(m) == 0 {
		return "none"
	}
	keys := slices.SortedFunc(maps.Keys(m), func(a, b K) int {
		return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, k := range keys {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(parts, ", ")
}
