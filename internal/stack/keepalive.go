package stack

import (
	"strconv"
	"strings"
	"time"
)

// keepAliveTimeout reads "timeout=5, max=100", as servers send it with HTTP/1: 0
// if it says nothing of a time. RFC 2068, section 19.7.1.1, and its users since.
func keepAliveTimeout(values []string) time.Duration {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
			if !ok || !strings.EqualFold(strings.TrimSpace(name), "timeout") {
				continue
			}
			// More than an hour is more than anybody keeps one.
			if n, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 32); err == nil {
				return time.Duration(min(n, 3600)) * time.Second
			}
		}
	}
	return 0
}
