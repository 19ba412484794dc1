package chain

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
)

// Facade returns an *http.Transport that sends every http and https request through rt.
// Once a field is set on it, every request fails.
func Facade(rt http.RoundTripper) *http.Transport {
	front := new(http.Transport)
	guardAll(front)
	made := copySettings(front)
	newFacade(front, func(front *http.Transport) *built {
		b := &built{stack: rt}
		if name := setOn(front, made); name != "" {
			b.err = fmt.Errorf("warmconn: %s was set on a Facade, which makes no connections: "+
				"set it on the transport below before that is wrapped, or hand out a FacadeOf, whose fields act", name)
		}
		return b
	})
	return front
}

// FacadeOf returns an *http.Transport with base's settings that sends every http and
// https request through a stack, which wrap builds. The stack is over base, or, once a
// field was set on the façade, over a clone of base with that field. Clone makes it, or
// says why it can't.
func FacadeOf(base *http.Transport, clone func(*http.Transport) (*http.Transport, string), wrap func(http.RoundTripper) http.RoundTripper) *http.Transport {
	front := base.Clone()
	ownSettings(front) // certificates that an SDK adds must not become base's
	guardSettings(front)
	guard := front.Protocols
	made := copySettings(front)
	newFacade(front, func(front *http.Transport) *built {
		name := setOn(front, made)
		if name == "" {
			return &built{stack: wrap(base)}
		}
		why := notTakenOver(front, made, guard)
		if why == "" {
			var t *http.Transport
			if t, why = clone(base); t != nil {
				takeOver(t, base, front, made)
				return &built{stack: wrap(t), base: t}
			}
		}
		return &built{err: fmt.Errorf("warmconn: %s was set on a FacadeOf, and can't be taken over: %s; set it on the base before", name, why)}
	})
	return front
}

// setOn names the first setting that was changed on a façade since it was made; empty if
// none was.
func setOn(front, made *http.Transport) string {
	if name := changed(front, made); name != "" {
		return name
	}
	registered, _ := registrations(front)
	for _, protocol := range []string{"http/2", "http/3"} {
		if registered[protocol] != nil {
			return "a protocol, " + protocol + ","
		}
	}
	return ""
}

// notTakenOver says why a façade's changed settings can't be taken over by any base; empty
// if they can.
func notTakenOver(front, made *http.Transport, guard *http.Protocols) string {
	registered, _ := registrations(front)
	switch {
	case registered["http/2"] != nil || registered["http/3"] != nil:
		return "it was registered by RegisterProtocol, as golang.org/x/net does"
	case front.Protocols == guard && *front.Protocols != *made.Protocols:
		return "a façade has Protocols of its own, which were written to: set new ones"
	case len(front.TLSNextProto) > 0 && !same(field(front, "TLSNextProto"), field(made, "TLSNextProto")):
		return "a façade has a TLSNextProto of its own: set it to an empty one to switch HTTP/2 off, nothing else"
	}
	return ""
}

// takeOver sets on t, a clone of base, the settings that were changed on front, a façade of
// base. Made is a copy of the front's settings as it was made.
func takeOver(t, base, front, made *http.Transport) {
	to, from, was := reflect.ValueOf(t).Elem(), reflect.ValueOf(front).Elem(), reflect.ValueOf(made).Elem()
	for i := differ(from, was, 0); i >= 0; i = differ(from, was, i+1) {
		to.Field(i).Set(from.Field(i))
	}
	ownSettings(t)
	off, chosen := !same(field(front, "TLSNextProto"), field(made, "TLSNextProto")), !same(field(front, "Protocols"), field(made, "Protocols"))
	if off && !chosen && base.Protocols == nil {
		t.Protocols = nil // set by clone, which did not see that HTTP/2 was switched off later
	}
	if cfg := t.TLSClientConfig; (off || chosen) && cfg != nil {
		// Net/http has written h2 there for the base. If t speaks HTTP/2, it does so again.
		cfg.NextProtos = slices.DeleteFunc(slices.Clone(cfg.NextProtos), func(p string) bool { return p == "h2" })
	}
}

func field(t *http.Transport, name string) reflect.Value {
	return reflect.ValueOf(t).Elem().FieldByName(name)
}
