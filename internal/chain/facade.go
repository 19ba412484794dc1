package chain

import (
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/warmconn/warmconn/internal/lockorder"
)

// facade sends the requests of an *http.Transport, its front, through a stack. The front
// has it registered for http and https. A Clone does not copy what is registered: see
// guards.go.
type facade struct {
	front *http.Transport
	build builder

	mu  lockorder.Mutex[lockorder.Facade] // held while a stack is built
	now atomic.Pointer[built]
}

// builder builds the stack for the front's settings. It is called at the first
// request, and at the first after a change of the settings.
type builder func(front *http.Transport) *built

// built is a stack, and the settings that it was built for.
type built struct {
	settings *http.Transport // a copy of the front's
	stack    http.RoundTripper
	base     *http.Transport // made for this stack, nil if it is the program's
	err      error           // why no request may be sent
}

// newFacade makes front a façade.
func newFacade(front *http.Transport, build builder) {
	f := &facade{front: front, build: build}
	front.RegisterProtocol("http", f)
	// A struct with one exported field that can close idle connections is how
	// net/http reaches an alternative https transport: onceSetNextProtoDefaults
	// looks for exactly this shape.
	front.RegisterProtocol("https", https{f})
}

// https has exactly one field, exported, with a CloseIdleConnections method.
type https struct{ Facade *facade }

func (h https) RoundTrip(req *http.Request) (*http.Response, error) { return h.Facade.RoundTrip(req) }

// RoundTrip implements http.RoundTripper.
func (f *facade) RoundTrip(req *http.Request) (*http.Response, error) {
	b := f.built()
	if b.err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, b.err
	}
	if body, ok := untracked(req.Body); ok {
		req = req.WithContext(req.Context())
		req.Body = body
	}
	return b.stack.RoundTrip(req)
}

// CloseIdleConnections goes to the stack, if one was built.
func (f *facade) CloseIdleConnections() {
	if b := f.now.Load(); b != nil {
		CloseIdle(b.stack)
	}
}

// built returns the stack for the settings that the front has now. They are read without a
// lock, as net/http reads them: to set one while a request is sent is a data race there, too.
func (f *facade) built() *built {
	if b := f.now.Load(); b != nil && changed(f.front, b.settings) == "" {
		return b
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.now.Load()
	if was != nil && changed(f.front, was.settings) == "" {
		return was // another goroutine was faster
	}
	b := f.build(f.front)
	b.settings = copySettings(f.front)
	f.now.Store(b)
	if was != nil && was.base != nil {
		CloseIdle(was.stack)
	}
	return b
}

// untracked returns the caller's body. Net/http wraps it before it hands a request to a
// registered RoundTripper, but the layers, and net/http below them, look at the type of the
// caller's own.
func untracked(body io.ReadCloser) (io.ReadCloser, bool) {
	v := reflect.ValueOf(body)
	if !v.IsValid() || v.Type().String() != "*http.readTrackingBody" || v.Elem().Type().PkgPath() != "net/http" {
		return nil, false
	}
	f := v.Elem().FieldByName("ReadCloser")
	if !f.IsValid() || !f.CanInterface() {
		return nil, false
	}
	own, ok := f.Interface().(io.ReadCloser)
	return own, ok
}

// behind returns the façade whose front is t; nil if t is no front.
func behind(t *http.Transport) *facade {
	if t == nil {
		return nil
	}
	registered, _ := registrations(t)
	f, _ := registered["http"].(*facade)
	return f
}

// behindFacade returns the stack behind t, or nil if t is no façade, or if none could be
// built.
func behindFacade(t *http.Transport) http.RoundTripper {
	if f := behind(t); f != nil {
		return f.built().stack
	}
	return nil
}

// IsFacade reports whether t is a façade.
func IsFacade(t *http.Transport) bool { return behind(t) != nil }

// DescribeFacade returns a façade's line in a description.
func DescribeFacade(t *http.Transport) string {
	var d strings.Builder
	d.WriteString("facade: an *http.Transport for SDKs that insist on one")
	f := behind(t)
	if f == nil {
		return d.String()
	}
	b := f.built()
	if b.base != nil {
		d.WriteString(", whose settings are taken over below")
	}
	if b.err != nil {
		d.WriteString("; no request is sent: " + b.err.Error())
	}
	return d.String()
}
