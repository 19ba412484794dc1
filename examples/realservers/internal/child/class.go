package child

import (
	"errors"
	"net/url"
	"regexp"
)

var (
	addrs = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+:\d+`)
	ids   = regexp.MustCompile(`\b(stream ID |LastStreamID=)\d+`)
)

// Class is the text of an error without what differs from one request to the
// next: method, URL, addresses and streams.
func Class(err error) string {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	return ids.ReplaceAllString(addrs.ReplaceAllString(err.Error(), "addr"), "${1}N")
}
