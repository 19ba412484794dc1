package roundtrippertest_test

import (
	"testing"

	"github.com/warmconn/warmconn/internal/testmain"
)

func TestMain(m *testing.M) { testmain.Run(m) }
