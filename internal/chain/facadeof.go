package chain

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
)

// Facade returns an *http.Transport that sends every http and https request through rt.
// Once a field is set on it, none is sent.
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
// https request through what wrap returns: over base, or over a clone of it that has
// what was set on the façade. Clone says why there is none.
func FacadeOf(base *http.Transport, clone func(*http.Transport) (*http.Transport, string), wrap func(http.RoundTripper) http.RoundTripper) *http.Transport {
	front := base.Clone()
	ownSettings(front) // certificates that an SDK adds are not to be base's
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

// setOn names what was set on a façade since it was made; empty if nothing was.
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

// notTakenOver says why what was set on a façade can't be taken over, whatever the base;
// empty if it can.
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

// takeOver sets on t, a clone of base, what was set on a façade of it since it was made.
func takeOver(t, base, front, made *http.Transport) {
	to, from, was := reflect.ValueOf(t).Elem(), reflect.ValueOf(front).Elem(), reflect.ValueOf(made).Elem()
	for i := differ(from, was, 0); i >= 0; i = differ(from, was, i+1) {
		to.Field(i).Set(from.Field(i))
	}
	ownSettings(t)
	off, chosen := !same(field(front, "TLSNextProto"), field(made, "TLSNextProto")), !same(field(front, "Protocols"), field(made, "Protocols"))
	if off && !chosen && base.Protocols == nil {
		t.Protocols = nil // of the clone's making: HTTP/2 was switched off behind that
	}
	if cfg := t.TLSClientConfig; (off || chosen) && cfg != nil {
		// Net/http has written it there for the base. Where it speaks it, it does so again.
		cfg.NextProtos = slices.DeleteFunc(slices.Clone(cfg.NextProtos), func(p string) bool { return p == "h2" })
	}
}

func field(t *http.Transport, name string) reflect.Value {
	return reflect.ValueOf(t).Elem().FieldByName(name)
}
