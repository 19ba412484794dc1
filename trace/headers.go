package trace

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// headers are the headers of an allow-list, as attributes.
type headers []struct {
	name string // canonical
	key  attribute.Key
}

func headersOf(names []string, prefix string) headers {
	hs := make(headers, len(names))
	for i, n := range names {
		hs[i].name = http.CanonicalHeaderKey(n)
		hs[i].key = attribute.Key(prefix + strings.ToLower(n))
	}
	return hs
}

func (hs headers) add(attrs []attribute.KeyValue, h http.Header) []attribute.KeyValue {
	for _, x := range hs {
		if v := h[x.name]; len(v) > 0 {
			attrs = append(attrs, x.key.StringSlice(v))
		}
	}
	return attrs
}
