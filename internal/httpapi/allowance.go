package httpapi

import (
	"context"
	"math"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"golang.org/x/time/rate"
)

// Allowance is what one principal may ask for. The zero value is everything that Limits leave.
type Allowance struct {
	// Principal is whose requests are counted together.
	Principal string
	// Complexity is the cost of one operation at most; 0: what Limits say.
	Complexity int
	// AtOnce is how many requests are served at the same time; 0: any number. A few more
	// wait for their turn.
	AtOnce int
	// CostPerSecond is how much may be spent in the long run; 0: any amount. What is not
	// spent is saved up to the cost of the dearest operation, or of one second, whichever
	// is more.
	CostPerSecond int
	// NoIntrospection keeps the schema to itself: __schema and __type are refused, and
	// errors suggest no names.
	NoIntrospection bool
	// TrustedOnly refuses documents that are not among Options.Trusted.
	TrustedOnly bool
}

func (a Allowance) complexity(limits Limits) int {
	if a.Complexity > 0 {
		return min(a.Complexity, limits.Complexity)
	}
	return limits.Complexity
}

const (
	// refusedCost is what a request costs that is refused before its cost is known.
	// Parsing and validating it took time.
	refusedCost = 10
	// accounts is how many principals are counted; those that have asked last.
	accounts = 10_000
	// queueLength is how many requests of one principal wait for their turn, and queueTime
	// for how long.
	queueLength = 16
	queueTime   = 5 * time.Second
)

// spending counts what each principal asks for. Each process counts for itself.
type spending struct {
	limits Limits
	now    func() time.Time

	mu       sync.Mutex
	accounts *lru.Cache[string, *account]
}

type account struct {
	budget  *rate.Limiter
	running chan struct{} // holds one for each request that is served
	queued  chan struct{} // and one for each that is served or waits
}

func newSpending(limits Limits, now func() time.Time) *spending {
	cache, err := lru.New[string, *account](accounts)
	if err != nil {
		panic(err) // a size below 1
	}
	return &spending{limits: limits, now: now, accounts: cache}
}

func (s *spending) account(a Allowance) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.accounts.Get(a.Principal); ok {
		return found
	}
	made := &account{
		budget:  rate.NewLimiter(rate.Limit(a.CostPerSecond), max(a.CostPerSecond, a.complexity(s.limits))),
		running: make(chan struct{}, a.AtOnce),
		queued:  make(chan struct{}, a.AtOnce+queueLength),
	}
	s.accounts.Add(a.Principal, made)
	return made
}

// charge takes the cost of an operation from a principal's budget, or says when there
// is enough in it.
func (s *spending) charge(a Allowance, cost int) *gqlerror.Error {
	if a.CostPerSecond == 0 {
		return nil
	}
	now := s.now()
	taken := s.account(a).budget.ReserveN(now, cost)
	wait := taken.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	taken.CancelAt(now)
	return tooMany(wait, "The operations of this key may cost %d a second; this one costs %d", a.CostPerSecond, cost)
}

// enter waits until a principal has room for one more request; leave gives it back.
func (s *spending) enter(ctx context.Context, a Allowance) (leave func(), refused *gqlerror.Error) {
	if a.AtOnce == 0 {
		return func() {}, nil
	}
	of := s.account(a)
	select {
	case of.queued <- struct{}{}:
	default:
		return nil, tooMany(time.Second, "This key may have %d requests at a time, and %d more wait already", a.AtOnce, queueLength)
	}
	timer := time.NewTimer(queueTime)
	defer timer.Stop()
	select {
	case of.running <- struct{}{}:
		return sync.OnceFunc(func() { <-of.running; <-of.queued }), nil
	case <-timer.C:
	case <-ctx.Done():
	}
	<-of.queued
	return nil, tooMany(time.Second, "This key may have %d requests at a time, and those take long", a.AtOnce)
}

const retryAfterExtension = "retryAfter"

// tooMany refuses a request that would be accepted later: extensions.retryAfter says in
// how many seconds.
func tooMany(wait time.Duration, format string, args ...any) *gqlerror.Error {
	err := newError(codeRateLimited, format, args...)
	err.Extensions[retryAfterExtension] = int(math.Ceil(wait.Seconds()))
	return err
}
