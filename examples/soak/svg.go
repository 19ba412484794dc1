package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// element is an element of the picture, and what is in it.
type element struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	In      []*element
}

// el makes an element; attrs are names and values in turn.
func el(name string, attrs ...any) *element {
	e := &element{XMLName: xml.Name{Local: name}}
	for i := 0; i+1 < len(attrs); i += 2 {
		value := fmt.Sprint(attrs[i+1])
		if f, ok := attrs[i+1].(float64); ok {
			value = fmt.Sprintf("%.1f", f)
		}
		e.Attrs = append(e.Attrs, xml.Attr{Name: xml.Name{Local: fmt.Sprint(attrs[i])}, Value: value})
	}
	return e
}

// add puts elements into e, and returns e.
func (e *element) add(in ...*element) *element {
	e.In = append(e.In, in...)
	return e
}

func text(class, anchor string, x, y float64, format string, args ...any) *element {
	e := el("text", "class", class, "text-anchor", anchor, "x", x, "y", y)
	e.Text = fmt.Sprintf(format, args...)
	return e
}

func segment(class string, x1, y1, x2, y2 float64) *element {
	return el("line", "class", class, "x1", x1, "y1", y1, "x2", x2, "y2", y2)
}

type point struct{ x, y float64 }

func polyline(class string, points []point) *element {
	var at []string
	for _, p := range points {
		at = append(at, fmt.Sprintf("%.1f,%.1f", p.x, p.y))
	}
	return el("polyline", "class", class, "points", strings.Join(at, " "))
}

// write writes the picture that e is.
func (e *element) write(w io.Writer) error {
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(e); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// style has the looks, for a light background and a dark one. The colours are those of Okabe and Ito,
// which the colour-blind can tell apart, and bare net/http's lines are dashed.
const style = `
text { fill: #24292f; font-size: 13px; font-family: "DejaVu Sans", Verdana, sans-serif; }
.title { font-size: 19px; font-weight: bold; }
.head { font-size: 14px; font-weight: bold; }
.tick { font-size: 12px; fill: #57606a; }
.note { font-size: 12.5px; fill: #57606a; }
.back { fill: #ffffff; }
.frame { fill: none; stroke: #8c959f; }
.grid { stroke: #d8dee4; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.bare { stroke: #0072b2; stroke-dasharray: 5 3; }
.kit { stroke: #d55e00; }
.one { stroke: #009e73; }
.thin { stroke-width: 1; }
text.bare, text.kit, text.one { stroke: none; }
text.bare { fill: #0072b2; }
text.kit { fill: #d55e00; }
text.one { fill: #00795a; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .tick, .note { fill: #9ea7b3; }
  .back { fill: #0d1117; }
  .frame { stroke: #6e7681; }
  .grid { stroke: #272d35; }
  .bare { stroke: #56b4e9; }
  .kit { stroke: #ff7b2e; }
  .one { stroke: #2fc79a; }
  text.bare { fill: #56b4e9; }
  text.kit { fill: #ff7b2e; }
  text.one { fill: #2fc79a; }
}
`
