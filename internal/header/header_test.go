package header

import "testing"

func TestHasToken(t *testing.T) {
	tests := []struct {
		values []string
		want   bool
	}{
		{nil, false},
		{[]string{"close"}, true},
		{[]string{"Close"}, true},
		{[]string{"keep-alive, \tclose "}, true},
		{[]string{"keep-alive", "close"}, true},
		{[]string{"closed"}, false},
		{[]string{"not close"}, false},
	}
	for _, tt := range tests {
		if got := HasToken(tt.values, "close"); got != tt.want {
			t.Errorf("%q: %v, want %v", tt.values, got, tt.want)
		}
	}
}
