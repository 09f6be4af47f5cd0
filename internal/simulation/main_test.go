package simulation_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// lives are how many there are on each database, unless -rapid.checks says otherwise:
// what a minute is enough for.
const lives = "30"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", lives); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
