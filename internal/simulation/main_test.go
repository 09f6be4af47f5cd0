package simulation_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
)

// lives are how many there are on each database, unless -rapid.checks says otherwise:
// what a minute is enough for.
const lives = "24"

// atOnce is how many tests are under way for each processor, unless -parallel says
// otherwise: they wait for databases half of the time.
const atOnce = 2

func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{
		"rapid.checks": lives, "test.parallel": strconv.Itoa(atOnce * runtime.GOMAXPROCS(0)),
	} {
		if given[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
