package roundtripper_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/roundtripper"
)

// TestEveryWordIsCaused: each public reason has a row in the tables that causes it, or a test of
// its own.
func TestEveryWordIsCaused(t *testing.T) {
	caused := map[roundtripper.NewReason]bool{
		// TestDrainInTheBackgroundIsNamed; and from Go 1.27 on by net/http,
		// TestNetHTTPDrainsInTheBackground.
		"draining": true,
		// package pool's TestRequestsFollowANameThatMoves, and connpool's
		// TestTheNextConnectionIsNewBecauseTheAddressIsGone.
		"address_gone": true,
	}
	for _, rows := range [][]cause{reasons, reasonsHTTP2, reasonsHTTP2OfThisGo} {
		for _, row := range rows {
			caused[row.reason], caused[row.blind] = true, true
		}
	}
	f, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	words := 0
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 || !strings.HasPrefix(v.Names[0].Name, "Reason") {
			return true
		}
		word, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		words++
		if !caused[roundtripper.NewReason(word)] {
			t.Errorf("nothing causes %q", word)
		}
		return true
	})
	if words < 20 {
		t.Errorf("%d words found in reason.go, want 20 or more", words)
	}
}
