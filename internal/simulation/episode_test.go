package simulation_test

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// episode is a test within a test: what it has opened is closed when it ends, and
// its failures are the property's, so that they are made smaller.
type episode struct {
	testing.TB
	r    *rapid.T
	ends []func()
}

// Cleanup implements [testing.TB].
func (e *episode) Cleanup(end func()) { e.ends = append(e.ends, end) }

// Fatal implements [testing.TB], as do the other ways to fail and to log.
func (e *episode) Fatal(args ...any)                 { e.r.Fatal(args...) }
func (e *episode) Fatalf(format string, args ...any) { e.r.Fatalf(format, args...) }
func (e *episode) FailNow()                          { e.r.FailNow() }
func (e *episode) Error(args ...any)                 { e.r.Error(args...) }
func (e *episode) Errorf(format string, args ...any) { e.r.Errorf(format, args...) }
func (e *episode) Logf(string, ...any)               {} // the seed tells all

func (e *episode) end() {
	for i := len(e.ends) - 1; i >= 0; i-- {
		e.ends[i]()
	}
}

// trial is a test within a test that may fail.
type trial struct {
	testing.TB
	failed atomic.Bool
	ends   []func()
}

// fails reports whether a test fails.
func fails(t *testing.T, test func(t testing.TB)) bool {
	t.Helper()
	tr, done := &trial{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, end := range slices.Backward(tr.ends) {
				end()
			}
		}()
		test(tr)
	}()
	<-done
	return tr.failed.Load()
}

// Cleanup implements [testing.TB], as do the others.
func (tr *trial) Cleanup(end func())    { tr.ends = append(tr.ends, end) }
func (tr *trial) Error(...any)          { tr.failed.Store(true) }
func (tr *trial) Errorf(string, ...any) { tr.failed.Store(true) }
func (tr *trial) Fatal(...any)          { tr.FailNow() }
func (tr *trial) Fatalf(string, ...any) { tr.FailNow() }
func (tr *trial) Logf(string, ...any)   {}

// FailNow implements [testing.TB].
func (tr *trial) FailNow() {
	tr.failed.Store(true)
	runtime.Goexit()
}
