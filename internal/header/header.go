// Package header reads HTTP header fields.
package header

import "strings"

// HasToken reports whether a field's values hold token, in any case, as a member of
// their comma-separated lists.
func HasToken(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}
