package stripesim

import (
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"tallystick/internal/stripesim/apierror"
)

// testModeRate is how many reads, and how many writes, Stripe takes from a test key
// each second.
const testModeRate = 25

// pace holds every key to the rate of test mode, when it is switched on.
type pace struct {
	on atomic.Bool

	mu     sync.Mutex
	reads  map[string]*rate.Limiter
	writes map[string]*rate.Limiter
}

// admit refuses a request that comes too early. Reads and writes are counted apart.
func (p *pace) admit(key string, writes bool, now time.Time) *apierror.Error {
	if !p.on.Load() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reads == nil {
		p.reads, p.writes = map[string]*rate.Limiter{}, map[string]*rate.Limiter{}
	}
	counted := p.reads
	if writes {
		counted = p.writes
	}
	if counted[key] == nil {
		counted[key] = rate.NewLimiter(testModeRate, testModeRate)
	}
	if counted[key].AllowN(now, 1) {
		return nil
	}
	return apierror.RateLimited()
}
