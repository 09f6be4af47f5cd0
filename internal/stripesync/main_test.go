package stripesync_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain keeps the property test to a few seconds; -rapid.checks asks for
// more.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "12", "rapid.steps": "15"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
