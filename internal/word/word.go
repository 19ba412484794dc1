// Package word makes one short word of a text that somebody else wrote, for a place
// where people and programs expect one: a method that no standard knows, the name that
// an error gives itself.
package word

// Most is how long a word may be, in bytes.
const Most = 64

// cut is the end of a word that was longer.
const cut = "..."

// Of is s, if that is no longer than Most and all of it printable ASCII without a space.
// Else what is not is a question mark, and the end is left out.
func Of(s string) string {
	if len(s) <= Most && printable(s) {
		return s
	}
	b := []byte(s[:min(len(s), Most)])
	for i, c := range b {
		if !graphic(c) {
			b[i] = '?'
		}
	}
	if len(s) > Most {
		copy(b[Most-len(cut):], cut)
	}
	return string(b)
}

func printable(s string) bool {
	for i := range len(s) {
		if !graphic(s[i]) {
			return false
		}
	}
	return true
}

func graphic(c byte) bool { return '!' <= c && c <= '~' }
