package poolz

import (
	"html/template"
)

// cells are a host's row.
type cells struct {
	Host, Requests, Spark, Reuse, Use, Waiting, Connections, New, Trouble template.HTML
}

// rowOf makes them. Link is empty if there is none.
func rowOf(h *host, link string) (c cells) {
	var m markup
	next := func() template.HTML {
		html := m.html()
		m.Reset()
		return html
	}
	if link != "" {
		m.raw(`<a href="`)
		m.text(link)
		m.raw(`">`)
	}
	m.raw("<bdi>")
	m.text(h.Host)
	m.raw("</bdi>")
	if link != "" {
		m.raw("</a>")
	}
	m.raw(" ")
	m.notes(h)
	c.Host = next()

	if h.RequestsPerSecond != nil {
		m.text(rate(*h.RequestsPerSecond))
		m.small("/s")
		m.raw(" ")
	}
	m.small(num(h.Requests))
	c.Requests = next()

	m.spark(h.points, 150, 24)
	c.Spark = next()

	switch {
	case h.ReuseRecent != nil && h.Reuse != nil:
		m.raw(`<span title="`)
		m.text(pct(*h.Reuse) + " in all")
		m.raw(`">`)
		m.text(pct(*h.ReuseRecent))
		m.raw("</span>")
	case h.Reuse != nil:
		m.text(pct(*h.Reuse))
	default:
		m.none("–")
	}
	c.Reuse = next()

	m.text(num(h.InUse))
	if h.Limit > 0 {
		m.raw(" ")
		m.small("of " + num(h.Limit))
		m.meter(h.InUse, h.Limit)
	}
	c.Use = next()

	if h.Waiting > 0 {
		m.raw(`<strong class="warn">`)
		m.text(num(h.Waiting))
		m.raw("</strong>")
	} else {
		m.none("0")
	}
	c.Waiting = next()

	m.text(num(h.Open))
	m.raw(" ")
	m.small(h.OpenHow())
	c.Connections = next()

	m.reasons(h.New)
	c.New = next()
	m.trouble(&h.figures)
	c.Trouble = next()
	return c
}
