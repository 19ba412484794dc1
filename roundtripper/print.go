package roundtripper

import (
	"encoding/json"
	"fmt"

	"github.com/warmconn/warmconn/internal/errclass"
	"github.com/warmconn/warmconn/internal/word"
)

// Format implements fmt.Formatter: String, or for %+v and %#v the fields, with the
// class in the place of Err, whose text may quote what the server sent, and no more of
// Method than a short word.
func (e Exchange) Format(s fmt.State, verb rune) {
	switch {
	case verb == 'v' && (s.Flag('+') || s.Flag('#')):
		fmt.Fprintf(s, fmt.FormatString(s, verb), e.classed())
	case verb == 'q':
		fmt.Fprintf(s, fmt.FormatString(s, verb), e.String())
	default:
		fmt.Fprintf(s, fmt.FormatString(s, 's'), e.String())
	}
}

// MarshalJSON implements json.Marshaler: the fields as Format shows them.
func (e Exchange) MarshalJSON() ([]byte, error) { return json.Marshal(e.classed()) }

// fields is an Exchange without its methods.
type fields Exchange

// classed are the fields to be shown.
func (e Exchange) classed() fields {
	f := fields(e)
	f.Method = word.Of(e.Method)
	if e.Err != nil {
		f.Err = class(errclass.Of(e.Err))
	}
	return f
}

// class is an error of which no more is shown.
type class string

func (c class) Error() string { return string(c) }
