// Package fault makes requests go wrong on purpose.
package fault

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
)

// The kinds of fault, by when they strike.
const (
	// Instead of everything: the request does no work and its key stays free.
	Refuse       = "refuse"        // 400, a definitive no
	RateLimit    = "rate_limit"    // 429
	LockTimeout  = "lock_timeout"  // 429, another request holds the object
	ServerError  = "server_error"  // 500
	Unauthorized = "unauthorized"  // 401
	Forbidden    = "forbidden"     // 403
	Garbage      = "garbage"       // 502 with an HTML body, from something in between
	DropBefore   = "drop_before"   // the connection closes without an answer
	CardDeclined = "card_declined" // 402; stored under the key, as real declines are
	StoredError  = "stored_error"  // 500, stored under the key: every repeat gets it again

	// Around the work, which is done in full even when the client gives up.
	Delay            = "delay"              // waits before the work
	DelayAfter       = "delay_after"        // waits after the work, before the answer
	DropAfter        = "drop_after"         // the work is done and stored; the connection closes without an answer
	StoredErrorAfter = "stored_error_after" // the work is done, but the answer, also the stored one, is a 500
)

var kinds = []string{
	Refuse, RateLimit, LockTimeout, ServerError, Unauthorized, Forbidden, Garbage,
	DropBefore, CardDeclined, StoredError, Delay, DelayAfter, DropAfter, StoredErrorAfter,
}

// Fault makes matching requests go wrong in one way.
type Fault struct {
	ID     int               `json:"id"`
	Kind   string            `json:"kind"`
	Method string            `json:"method,omitempty"` // empty: every method
	Path   string            `json:"path,omitempty"`   // a pattern as in path.Match; empty: every path
	Params map[string]string `json:"params,omitempty"` // form parameters that the request must have, by full name

	// Whose requests: those with an API key, or whose user agent contains a text. Empty:
	// everybody's.
	Key       string `json:"key,omitempty"`
	UserAgent string `json:"userAgent,omitempty"`

	Count      int `json:"count"`                // how many requests it strikes; 0: until cleared
	Skip       int `json:"skip,omitempty"`       // matching requests to let pass first
	DelayMs    int `json:"delayMs,omitempty"`    // for delay and delay_after
	Status     int `json:"status,omitempty"`     // replaces the kind's own status
	RetryAfter int `json:"retryAfter,omitempty"` // seconds in a Retry-After header

	Code        string `json:"code,omitempty"`        // replaces the error's code
	Message     string `json:"message,omitempty"`     // replaces the error's message
	DeclineCode string `json:"declineCode,omitempty"` // for card_declined: why; empty: generic_decline

	Struck int `json:"struck"` // how many requests it has struck
}

// Is is safe on the nil Fault, which is no fault.
func (f *Fault) Is(kinds ...string) bool { return f != nil && slices.Contains(kinds, f.Kind) }

// Validate says what is wrong with a fault that somebody asks for.
func (f *Fault) Validate() error {
	if !slices.Contains(kinds, f.Kind) {
		return fmt.Errorf("kind: %q is not one of %s", f.Kind, form.OrList(kinds))
	}
	if _, err := path.Match(f.Path, "/"); err != nil {
		return fmt.Errorf("path: %w", err)
	}
	if f.Count < 0 || f.Skip < 0 || f.DelayMs < 0 {
		return fmt.Errorf("count, skip and delayMs cannot be negative")
	}
	return nil
}

// Request is what a fault knows of a request.
type Request struct {
	Method, Path   string
	Form           url.Values
	Key, UserAgent string
}

func (f *Fault) matches(r Request) bool {
	if f.Method != "" && f.Method != r.Method || f.Key != "" && f.Key != r.Key || !strings.Contains(r.UserAgent, f.UserAgent) {
		return false
	}
	if f.Path != "" {
		if ok, err := path.Match(f.Path, r.Path); err != nil || !ok {
			return false
		}
	}
	for name, value := range f.Params {
		if !slices.Contains(r.Form[name], value) {
			return false
		}
	}
	return true
}

// List holds the faults that are switched on, in the order they were.
type List struct {
	mu     sync.Mutex
	faults []*Fault
	lastID int
}

// Add switches a fault on, and returns it with its number.
func (l *List) Add(f Fault) Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastID++
	f.ID, f.Struck = l.lastID, 0
	l.faults = append(l.faults, &f)
	return f
}

// Clear switches all faults off.
func (l *List) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = nil
}

// List returns the faults that are on, in the order they were switched on.
func (l *List) List() []Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	faults := []Fault{}
	for _, f := range l.faults {
		faults = append(faults, *f)
	}
	return faults
}

// Take returns the fault that strikes this request, if any, and counts it. A used-up
// fault stays listed, but rests.
func (l *List) Take(r Request) *Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.faults {
		if f.Count > 0 && f.Struck >= f.Count || !f.matches(r) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.Struck++
		struck := *f
		return &struck
	}
	return nil
}

// Refusal is the error that a fault of an answering kind gives.
func (f *Fault) Refusal() *apierror.Error {
	var e *apierror.Error
	switch f.Kind {
	case Refuse:
		e = apierror.Invalid("", "The sandbox was told to refuse this request.")
	case RateLimit:
		e = apierror.RateLimited()
	case LockTimeout:
		e = apierror.TooManyRequests("lock_timeout", "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request. If you see this error frequently and are making multiple concurrent requests to a single object, make your requests serially or at a lower rate. For more details, see https://stripe.com/docs/rate-limits#object-lock-timeouts.")
	case Forbidden:
		e = apierror.Invalid("", "The provided key 'rk_test_****' does not have the required permissions for this endpoint on account 'acct_sandbox'. Having more permissions would allow this request to continue.")
		e.Status = http.StatusForbidden
	case CardDeclined:
		e = apierror.CardDeclined(cmp.Or(f.DeclineCode, "generic_decline"))
	default:
		e = apierror.ServerError()
	}
	if f.Code != "" {
		e = e.WithCode(f.Code)
	}
	e.Message = cmp.Or(f.Message, e.Message)
	e.Status, e.RetryAfter = cmp.Or(f.Status, e.Status), f.RetryAfter
	return e
}

// InsteadOfWork is the error that is stored under the key although nothing was done.
func (f *Fault) InsteadOfWork() *apierror.Error {
	if f.Is(CardDeclined, StoredError) {
		return f.Refusal()
	}
	return nil
}
