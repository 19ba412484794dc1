package connpool

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// letter is the address for a letter of these tests.
func letter(r rune) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(r)}) }

// story runs a host's answers. Each is a word of letters, "*n" stands for n times the word
// before. The host has a connection to each of the addresses A to H from before the first
// answer. Story returns which address is gone after which answer, and when the answers rotate.
func story(words string) string {
	var as answers
	for r := 'A'; r <= 'H'; r++ {
		as.ofLocked(letter(r)).conns = 1
	}
	var told []string
	rotates := false
	gone := map[rune]int{}
	n := 0
	for _, word := range strings.Fields(words) {
		word, times, _ := strings.Cut(word, "*")
		count := 1
		fmt.Sscan(times, &count)
		for range count {
			n++
			var all []netip.Addr
			for _, r := range word {
				all = append(all, letter(r))
			}
			news := as.countLocked(all)
			for r := 'A'; r <= 'H'; r++ {
				if e := as.known[letter(r)]; e.gone > gone[r] {
					if gone[r] == 0 || e.gone == e.last+1 {
						told = append(told, fmt.Sprintf("%c@%d", r, n))
						if !news {
							told = append(told, "untold")
						}
					}
					gone[r] = e.gone
				}
			}
			if now := as.rotate(); now != rotates {
				rotates = now
				told = append(told, fmt.Sprintf("rotates=%v@%d", now, n))
			}
		}
	}
	return strings.Join(told, " ")
}

func TestWhichAddressesAreGoneAfterWhichAnswers(t *testing.T) {
	for _, row := range []struct{ name, answers, want string }{
		{"nothing moves", "A*100", ""},
		{"two answers leave it out", "A B B", ""},
		{"three do", "A B B B", "A@4"},
		{"as many as there were before", "A*90 B B B", "A@93"},
		{"one of three goes", "ABC*5 BC*3", "A@8"},
		{"all but one", "ABCD AB AB AB", "C@4 D@4"},
		{"one goes after the other", "ABC ABD ADE DEF DEF DEF", "C@4 B@5 A@6"},
		{"a name grows, and one goes", "A ABCDE BCDE BCDE BCDE", "A@5"},
		{"one goes, and the name grows", "AB B B BCDEF", "A@4"},
		{"it moves twice", "A B C C C", "A@5 B@5"},
		{"never given", "B*100", ""},
		{"many times in one answer", "AAAAAB*5 BBBBBB*3", "A@8"},
		{"it fails over and back", "A*5 B*10 A*10", "A@8 B@18"},
		{"and moves once more, later", "A*5 B*10 A*80 B*5", "A@8 B@18 A@98"},
		{"or fails over elsewhere, later", "A*5 B*10 A*60 C*10 A*10", "A@8 B@18 A@78 C@88"},
		{"it moves to and fro", "A*5 B*5 A*5 B*5 A*5", "A@8 B@13 rotates=true@16"},
		{"one of two, in turns", "A B A B A B A B", "rotates=true@3"},
		{"one of two, by chance", "A A B B A A B A B B B B B A", "rotates=true@5"},
		{"some of four", "AB BC CD DA AB BC", "rotates=true@4"},
		{"servers do not agree for a while", "A*5 B A A B A B*40", "rotates=true@7 A@43 rotates=false@43"},
		{"each is another one", "A B C D E F G H", "rotates=true@4"},
		{"a few of many", "ABC DEF GHA BCD", "rotates=true@3"},
		{"long ago", "A*5 B*70 A", "A@8"}, // so it comes back as a new one
	} {
		if got := story(row.answers); got != row.want {
			t.Errorf("%s, %s:\n got %q\nwant %q", row.name, row.answers, got, row.want)
		}
	}
}

// Each answer has a few of many addresses, drawn anew: each address is left out for long, and
// must not count as gone.
func TestAnswersDrawnFromManySwitchItOff(t *testing.T) {
	for _, row := range []struct{ give, of int }{{1, 2}, {1, 3}, {2, 4}, {4, 8}, {8, 12}, {8, 100}, {1, 100}, {8, 1000}} {
		const trials, many = 50, 200
		retired, off := 0, 0
		r := rand.New(rand.NewPCG(1, uint64(row.of)))
		for range trials {
			var as answers
			for range many {
				var all []netip.Addr
				for _, i := range drawn(r, row.give, row.of) {
					a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
					as.ofLocked(a).conns = 1
					all = append(all, a)
				}
				if as.countLocked(all) {
					retired++
				}
			}
			if as.rotate() {
				off++
			}
		}
		per := float64(retired) / trials
		t.Logf("%d of %d addresses: %.2f of %d answers retire something, off at the end %d of %d times", row.give, row.of, per, many, off, trials)
		if per > 0.75 || off < trials*95/100 {
			t.Errorf("%d of %d: answers that rotate do not switch it off", row.give, row.of)
		}
	}
}

// drawn returns some of the numbers below of. All of them in order, as r.Perm gives them, would
// take most of the test's time.
func drawn(r *rand.Rand, some, of int) []int {
	var all []int
	for len(all) < some {
		if i := r.IntN(of); !slices.Contains(all, i) {
			all = append(all, i)
		}
	}
	return all
}

// The dialer gives an address that the lookup does not give any more.
func TestADialerThatNeverAgreesIsLeftAloneInTheEnd(t *testing.T) {
	var as answers
	as.countLocked([]netip.Addr{letter('A')})
	var times []int
	c := &Conn{address: as.ofLocked(letter('A')), answer: as.n}
	c.address.conns = 1
	for range 1000 {
		as.countLocked([]netip.Addr{letter('B')})
		if c.movedLocked() {
			times = append(times, as.n)
			c = &Conn{address: as.ofLocked(letter('A')), answer: as.n} // dialed at once
		}
	}
	if got, want := fmt.Sprint(times), "[4 20 36 52]"; got != want {
		t.Errorf("retired after answers %s, want %s", got, want)
	}
}

func TestAddressesAreForgotten(t *testing.T) {
	var as answers
	for i := range 20_000 {
		as.countLocked([]netip.Addr{netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})})
	}
	if n := len(as.known); n > rememberFor+1 {
		t.Errorf("%d addresses are known after 20,000 answers of one each", n)
	}
	for i := range 100 {
		var all []netip.Addr
		for j := range 100 {
			all = append(all, netip.AddrFrom4([4]byte{11, 0, byte(i), byte(j)}))
		}
		as.countLocked(all)
		if n := len(as.known); n > addressesMost+100 {
			t.Fatalf("%d addresses are known, want %d at most", n, addressesMost)
		}
	}
}
