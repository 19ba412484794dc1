package ledger

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// kept is an exchange that has ended, and the connection that it had.
func kept(t *testing.T, l *Ledger, k Key, shared bool) (*Use, *fakeConn) {
	t.Helper()
	u := new(Use)
	l.Begin(u, k, nil, time.Now())
	u.Ask(net.JoinHostPort(k.Host, k.Port), time.Now())
	c := dial(t, u, 0)
	u.Got(c, false, shared, time.Now())
	u.Settled()
	if !shared {
		u.Put("")
	}
	u.End("", false, time.Now())
	return u, c
}

func (c *Conn) gone() bool {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	return c.state == gone
}

// Over HTTP/2 a request may be sent on when its response has ended.
func TestConnectionIsNotRetiredUnderAnUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil, Watched)
		l.Keep(Keep{MaxAge: time.Minute, Private: true})
		u, c := kept(t, l, key, true)
		u.Uploads(+1)
		time.Sleep(2 * time.Minute)
		if c.line.gone() {
			t.Error("closed under a request that is still being sent")
		}
		u.Uploads(-1)
		time.Sleep(time.Second)
		if !c.line.gone() {
			t.Error("kept though nothing rides on it")
		}
	})
}

// Net/http has one name for what are two keys here, and gives the connections of
// one to requests of the other.
func TestConnectionToAnInternationalNameIsNotRetired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for host, retired := range map[string]bool{"bücher.example": false, "xn--bcher-kva.example": false, "books.example": true} {
			l := New(nil, Watched)
			l.Keep(Keep{MaxAge: time.Minute, Private: true})
			_, c := kept(t, l, Key{"https", host, "443"}, false)
			time.Sleep(2 * time.Minute)
			if (c.line.gone()) != retired {
				t.Errorf("%s: retired %v, want %v", host, !retired, retired)
			}
		}
	})
}

// Of several servers behind one name, one that does not answer in kind is enough.
func TestServerThatDoesNotAnswerInKindIsRemembered(t *testing.T) {
	l := New(nil, Watched)
	for i, row := range []struct{ echo, retires bool }{{true, true}, {false, false}, {true, false}} {
		u, _ := kept(t, l, key, false)
		u.Echoed(row.echo)
		v := asking(l)
		v.HasBody, v.MaxUses = true, 1
		c := dial(t, v, 0)
		if g := v.Got(c, false, false, time.Now()); (g.Retire != "") != row.retires {
			t.Errorf("%d: retires for %q, want it to: %v", i, g.Retire, row.retires)
		}
		v.End("", false, time.Now())
	}
}
