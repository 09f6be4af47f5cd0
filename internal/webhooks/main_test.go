package webhooks_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// TestMain keeps the property tests short unless somebody asks for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "15"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	flag.Parse()
	os.Exit(m.Run())
}
