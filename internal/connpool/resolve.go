package connpool

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// resolver looks a host's name up again, for as long as connections to its addresses are
// open, and keeps the answers. The host's mutex guards it; its clock is the host's sweeper.
type resolver struct {
	next   time.Time // when the next lookup is due
	asked  bool      // a lookup is under way, or waits for its turn
	cancel func()    // ends the lookup that is under way
	conns  int       // connections that are open to an address of v4 or v6
	v4, v6 answers
}

const (
	// lookupMost is how long a lookup may take, and resolveLeast the shortest
	// interval.
	lookupMost   = 10 * time.Second
	resolveLeast = time.Millisecond
)

// LookupFunc gives a name's addresses. See Options.
type LookupFunc = func(ctx context.Context, host string) ([]netip.Addr, error)

// defaultLookup is the standard library's, like that of a transport without a dialer of its
// own.
func defaultLookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// plain is a in the form in which addresses are compared.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// remote is the address of c, which has just come up, if the name of its host may lose that
// address; else it is not valid. The program's dialer may have returned a connection of any
// kind.
func (c *Conn) remote() (a netip.Addr) {
	h, rt := c.host, c.route
	if rt.via != nil || !strings.EqualFold(rt.addr, h.addr) || c.held.Conn == nil {
		return a
	}
	if _, err := netip.ParseAddr(h.key.Host); err == nil {
		return a // an address in the place of a name
	}
	if tcp, ok := ledger.RemoteAddr(c.held.Conn).(*net.TCPAddr); ok {
		a = plain(tcp.AddrPort().Addr())
	}
	return a
}

// metLocked notes that c goes to that address. A name is looked up when its first connection
// comes up: else an address that the name loses within the first interval would never have
// been in an answer.
func (h *Host) metLocked(c *Conn, to netip.Addr, now time.Time) {
	if h.resolve == nil {
		h.resolve = new(resolver)
	}
	r := h.resolve
	as := r.answersLocked(to)
	c.address, c.answer = as.ofLocked(to), as.n
	c.address.conns++
	r.conns++
	if r.next.Before(now) {
		r.next = now
	}
	h.sweep.byLocked(h, r.next)
}

// leftLocked notes that c is closed.
func (h *Host) leftLocked(c *Conn) {
	if c.address == nil {
		return
	}
	c.address.conns--
	c.address = nil
	r := h.resolve
	if r.conns--; r.conns == 0 && r.cancel != nil {
		r.cancel()
	}
}

// movedLocked reports whether the address of c is gone.
func (c *Conn) movedLocked() bool { return c.address != nil && c.answer < c.address.gone }

// resolveLocked asks for a lookup, if one is due, and sets the clock for the next.
func (h *Host) resolveLocked(now time.Time) {
	r := h.resolve
	if r == nil || r.conns == 0 || h.pool.shutDown.Load() {
		return
	}
	if !now.Before(r.next) {
		r.next = now.Add(h.pool.resolveEvery())
		if !r.asked {
			r.asked = true
			h.pool.lookups.add(h)
		}
	}
	h.sweep.byLocked(h, r.next)
}

func (p *Pool) resolveEvery() time.Duration { return max(p.opts.Resolve, resolveLeast) }

// lookUp looks the name up, if a connection is still open. It ends early when none is any
// more, unless the program's own lookup does not heed its context.
func (h *Host) lookUp() {
	ctx, cancel := context.WithTimeout(context.Background(), lookupMost)
	defer cancel()
	h.mu.Lock()
	r := h.resolve
	if r.conns == 0 {
		r.asked = false
		h.unlock()
		return
	}
	r.next = time.Now().Add(h.pool.resolveEvery()) // it may have waited for its turn
	r.cancel = cancel
	h.unlock()
	all, err := h.pool.opts.LookupNetIP(ctx, h.key.Host)
	h.mu.Lock()
	defer h.unlock()
	r.asked, r.cancel = false, nil
	if err == nil && r.answeredLocked(all) {
		h.sweep.byLocked(h, time.Now())
	}
}

// answeredLocked notes an answer. It returns true if an address is gone and has connections.
// An answer without an address of a family is no answer for that family.
func (r *resolver) answeredLocked(all []netip.Addr) (gone bool) {
	var v4, v6 []netip.Addr
	for _, a := range all {
		if a = plain(a); a.Is4() {
			v4 = append(v4, a)
		} else if a.IsValid() {
			v6 = append(v6, a)
		}
	}
	if len(v4) > 0 {
		gone = r.v4.countLocked(v4)
	}
	if len(v6) > 0 {
		gone = r.v6.countLocked(v6) || gone
	}
	return gone
}

// answersLocked are the answers for the family of a. The families are kept apart: where the
// lookup of one fails, package net returns the addresses of the other, and no error.
func (r *resolver) answersLocked(a netip.Addr) *answers {
	if a.Is4() {
		return &r.v4
	}
	return &r.v6
}

// rotatesLocked reports whether the answers rotate, so that no address counts as gone.
func (h *Host) rotatesLocked() bool {
	return h.resolve != nil && (h.resolve.v4.rotate() || h.resolve.v6.rotate())
}
