package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// options are the flags.
type options struct {
	json, tlsOnly bool
	spans         bool
	n, c          int // 0: the incident's own
	url           *url.URL
	chosen        []*incident
}

func parse(args []string, stderr io.Writer) (*options, error) {
	fs := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	fs.SetOutput(stderr)
	var (
		o    options
		id   = fs.String("incident", "", "run only this one, I1 to I5")
		addr = fs.String("url", "", "run the loads of I1 and I3 against this `URL` of yours, say nginx on loopback")
	)
	fs.BoolVar(&o.json, "json", false, "print the rows as one JSON array, and nothing else")
	fs.BoolVar(&o.spans, "spans", false, "print every span of the incidents' stories in words, and nothing else")
	fs.BoolVar(&o.tlsOnly, "tls", false, "only the rows over TLS")
	fs.IntVar(&o.n, "n", 0, "requests of each row; 0: what suits the incident")
	fs.IntVar(&o.c, "c", 0, "workers of each row; 0: what suits the incident")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	o.chosen = incidents()
	if *id != "" {
		o.chosen = pick(o.chosen, *id)
	}
	var err error
	if *addr != "" {
		o.url, err = url.Parse(*addr)
		o.chosen = pick(o.chosen, "I1", "I3")
	}
	switch {
	case fs.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	case err != nil:
	case o.n < 0 || o.c < 0:
		err = errors.New("-n and -c must not be negative")
	case o.url != nil && (o.url.Host == "" || o.url.Scheme != "http" && o.url.Scheme != "https"):
		err = fmt.Errorf("-url %s: want http://host/path or https://host/path", *addr)
	case o.spans && (o.json || o.tlsOnly || o.url != nil):
		err = errors.New("-spans goes with -incident alone")
	case o.url != nil && o.tlsOnly:
		err = errors.New("-tls is for the servers that quickstart starts; give an https -url instead")
	case len(o.chosen) == 0 && o.url != nil:
		err = fmt.Errorf("-url runs I1 and I3, not %s", *id)
	case len(o.chosen) == 0:
		err = fmt.Errorf("no incident %q: want I1 to I5", *id)
	}
	if err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return nil, err
	}
	return &o, nil
}

func pick(from []*incident, ids ...string) []*incident {
	var got []*incident
	for _, inc := range from {
		for _, id := range ids {
			if strings.EqualFold(inc.id, id) {
				got = append(got, inc)
			}
		}
	}
	return got
}

// protocols to run each incident over, as "over TLS or not".
func (o *options) protocols() []bool {
	switch {
	case o.url != nil:
		return []bool{o.url.Scheme == "https"}
	case o.tlsOnly:
		return []bool{true}
	}
	return []bool{false, true}
}
