package connpool

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// below is a dialer's wrapper, which hides all methods but net.Conn's.
type below struct{ net.Conn }

// leads is a wrapper that leads to its inner connection.
type leads struct{ net.Conn }

func (l leads) NetConn() net.Conn { return l.Conn }

// round is a wrapper that leads to itself.
type round struct{ net.Conn }

func (r round) NetConn() net.Conn { return r }

func TestTheKernelIsAskedForTheSocketBelowADialersConnection(t *testing.T) {
	s, _ := serve(t, "http", hello)
	c, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", s.Addr)
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	pipe, _ := net.Pipe()
	for name, tt := range map[string]struct {
		nc    net.Conn
		found bool
	}{
		"a socket": {c, true}, "below two wrappers": {leads{leads{c}}, true}, "hidden": {below{c}, false},
		"a pipe": {pipe, false}, "none": {nil, false}, "round": {round{c}, false},
	} {
		facts := (&ConnFacts{socket: tt.nc}).AskKernel()
		want := tt.found && runtime.GOOS == "linux"
		if (facts.RTT > 0) != want || facts.RTT > time.Second || facts.Retransmits > 1000 {
			t.Errorf("%s: %+v, known %v", name, facts, want)
		}
	}
	c.Close()
	if facts := (&ConnFacts{socket: c}).AskKernel(); facts != (TCPFacts{}) {
		t.Errorf("of a closed one: %+v", facts)
	}
}

func TestConnectionsThatComeAndGoAreListedWhileTheyAreThere(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s, base := serve(t, protocol, half)
			p := newPool(t, base, Options{})
			var open []io.Closer
			for range 3 {
				resp, err := openGet(t.Context(), rt{p: p}, s.URL)
				if err != nil {
					t.Fatal(err)
				}
				open = append(open, resp.Body)
				if got := len(p.Conns()); got != p.hosts.sum(func(h *Host) int { return h.conns.open() }) {
					t.Errorf("%d listed", got)
				}
			}
			for _, i := range []int{1, 0, 2} { // the middle one, the last, the first
				open[i].Close()
			}
			settles(t, p)
			if all := p.Conns(); len(all) > 0 {
				t.Errorf("listed when all are closed: %+v", all)
			}
		})
	}
}

// sum adds up f over all hosts, each under its lock.
func (hs *hosts) sum(f func(*Host) int) (n int) {
	hs.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		n += f(h)
	})
	return n
}

// BenchmarkConns lists the idle connections of one host: nearly all of that is under its
// lock.
func BenchmarkConns(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			base := new(http.Transport)
			p := New(base, base.Clone(), ledger.New(base), Options{IdleTimeout: time.Minute, MaxAge: time.Hour})
			h := p.host(ledger.Key{Scheme: "http", Host: "host.example", Port: "80"})
			for i := range n {
				c := &Conn{ID: uint64(i), host: h, route: &h.direct, state: idle, opened: time.Now(), idleAt: time.Now(), uses: 1, raw: new(netConn)}
				h.all.Push(&c.listed, c)
			}
			b.ReportAllocs()
			for b.Loop() {
				if all := p.Conns(); len(all) != n {
					b.Fatal(len(all))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/conn")
		})
	}
}
