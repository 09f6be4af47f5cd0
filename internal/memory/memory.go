// Package memory keeps the program small when it is idle, and fast when it is not.
package memory

import (
	"context"
	"os"
	"runtime/debug"
	"time"
)

// Tune trades some memory for speed: answering GraphQL is mostly allocation. The
// environment wins. Otherwise garbage may fill 40 MB and as much again as is in use:
// the collector lets the heap double, and counts a ballast in that is never touched and
// so costs no memory of the machine. The caller keeps it alive.
func Tune() (ballast []byte) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	debug.SetMemoryLimit(1 << 30)
	return make([]byte, 40<<20)
}

// idleFor is how long nothing may be collected before memory is given back.
const idleFor = 10 * time.Second

// FreeWhenIdle gives back what only the start has needed, and later what a busy time
// has, until the context ends. Left alone, an idle program collects its garbage every
// two minutes, and keeps what it once had.
func FreeWhenIdle(ctx context.Context) {
	ticker := time.NewTicker(idleFor)
	defer ticker.Stop()
	debug.FreeOSMemory()
	forgetProgram()
	var stats debug.GCStats
	for {
		debug.ReadGCStats(&stats)
		before := stats.NumGC
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if debug.ReadGCStats(&stats); stats.NumGC == before {
			debug.FreeOSMemory()
		}
	}
}
