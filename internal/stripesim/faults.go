package stripesim

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"sync"
	"time"
)

// The kinds of fault, by when they strike.
const (
	// Instead of everything: the request does no work and its key stays free.
	faultRefuse       = "refuse"        // 400, a definitive no
	faultRateLimit    = "rate_limit"    // 429
	faultLockTimeout  = "lock_timeout"  // 429, another request holds the object
	faultServerError  = "server_error"  // 500
	faultUnauthorized = "unauthorized"  // 401
	faultForbidden    = "forbidden"     // 403
	faultGarbage      = "garbage"       // 502 with an HTML body, from something in between
	faultDropBefore   = "drop_before"   // the connection closes without an answer
	faultCardDeclined = "card_declined" // 402; stored under the key, as real declines are
	faultStoredError  = "stored_error"  // 500, stored under the key: every repeat gets it again

	// Around the work, which is done in full even when the client gives up.
	faultDelay            = "delay"              // waits before the work
	faultDelayAfter       = "delay_after"        // waits after the work, before the answer
	faultDropAfter        = "drop_after"         // the work is done and stored; the connection closes without an answer
	faultStoredErrorAfter = "stored_error_after" // the work is done, but the answer, also the stored one, is a 500
)

var faultKinds = []string{
	faultRefuse, faultRateLimit, faultLockTimeout, faultServerError, faultUnauthorized, faultForbidden, faultGarbage,
	faultDropBefore, faultCardDeclined, faultStoredError, faultDelay, faultDelayAfter, faultDropAfter, faultStoredErrorAfter,
}

// Fault makes matching requests go wrong in one way.
type Fault struct {
	ID     int               `json:"id"`
	Kind   string            `json:"kind"`
	Method string            `json:"method,omitempty"` // empty: every method
	Path   string            `json:"path,omitempty"`   // a pattern as in path.Match; empty: every path
	Params map[string]string `json:"params,omitempty"` // form parameters that the request must have, by full name

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

// is is safe on the nil Fault, which is no fault.
func (f *Fault) is(kinds ...string) bool { return f != nil && slices.Contains(kinds, f.Kind) }

func (f *Fault) validate() error {
	if !slices.Contains(faultKinds, f.Kind) {
		return fmt.Errorf("kind: %q is not one of %s", f.Kind, orList(faultKinds))
	}
	if _, err := path.Match(f.Path, "/"); err != nil {
		return fmt.Errorf("path: %w", err)
	}
	if f.Count < 0 || f.Skip < 0 || f.DelayMs < 0 {
		return fmt.Errorf("count, skip and delayMs cannot be negative")
	}
	return nil
}

func (f *Fault) matches(method, urlPath string, form url.Values) bool {
	if f.Method != "" && f.Method != method {
		return false
	}
	if f.Path != "" {
		if ok, err := path.Match(f.Path, urlPath); err != nil || !ok {
			return false
		}
	}
	for name, value := range f.Params {
		if !slices.Contains(form[name], value) {
			return false
		}
	}
	return true
}

// faultList holds the faults that are switched on, in the order they were.
type faultList struct {
	mu     sync.Mutex
	faults []*Fault
	lastID int
}

func (l *faultList) add(f Fault) Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastID++
	f.ID, f.Struck = l.lastID, 0
	l.faults = append(l.faults, &f)
	return f
}

func (l *faultList) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = nil
}

func (l *faultList) list() []Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	faults := []Fault{}
	for _, f := range l.faults {
		faults = append(faults, *f)
	}
	return faults
}

// take returns the fault that strikes this request, if any, and counts it. A used-up fault stays listed, but rests.
func (l *faultList) take(method, urlPath string, form url.Values) *Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.faults {
		if f.Count > 0 && f.Struck >= f.Count || !f.matches(method, urlPath, form) {
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

// strike answers, or fails to answer, in place of the API. It reports whether the request ends here.
func (s *Sandbox) strike(w http.ResponseWriter, x *exchange) bool {
	switch x.fault.Kind {
	case faultDropBefore:
		s.requests.add(x, &answer{})
		dropConnection(w)
	case faultGarbage:
		status := cmp.Or(x.fault.Status, http.StatusBadGateway)
		s.requests.add(x, &answer{status: status})
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><body><h1>502 Bad Gateway</h1></body></html>\n"))
	case faultUnauthorized:
		refused := invalidKey(apiKey(x.http))
		s.requests.add(x, &answer{status: refused.status})
		writeJSON(w, refused.status, errorBody(refused, "", s.now()))
	case faultRefuse, faultRateLimit, faultLockTimeout, faultServerError, faultForbidden:
		result := s.refusal(x, x.fault.refusal())
		s.requests.add(x, result)
		s.send(w, x, result)
	default:
		return false
	}
	return true
}

// refusal is the error that a fault of an answering kind gives.
func (f *Fault) refusal() *apiError {
	var e *apiError
	switch f.Kind {
	case faultRefuse:
		e = invalid("", "The sandbox was told to refuse this request.")
	case faultRateLimit:
		e = tooManyRequests("rate_limit", "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.")
	case faultLockTimeout:
		e = tooManyRequests("lock_timeout", "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request. If you see this error frequently and are making multiple concurrent requests to a single object, make your requests serially or at a lower rate. For more details, see https://stripe.com/docs/rate-limits#object-lock-timeouts.")
	case faultForbidden:
		e = invalid("", "The provided key 'rk_test_****' does not have the required permissions for this endpoint on account 'acct_sandbox'. Having more permissions would allow this request to continue.")
		e.status = http.StatusForbidden
	case faultCardDeclined:
		e = cardDeclined(cmp.Or(f.DeclineCode, "generic_decline"))
	default:
		e = serverError()
	}
	if f.Code != "" {
		e = e.withCode(f.Code)
	}
	e.Message = cmp.Or(f.Message, e.Message)
	e.status, e.retryAfter = cmp.Or(f.Status, e.status), f.RetryAfter
	return e
}

// insteadOfWork is the error that is stored under the key although nothing was done.
func (f *Fault) insteadOfWork() *apiError {
	if f.is(faultCardDeclined, faultStoredError) {
		return f.refusal()
	}
	return nil
}

// delay waits as long as a fault of this kind says, or until nobody waits for the answer any more.
func (s *Sandbox) delay(x *exchange, kind string) {
	if !x.fault.is(kind) {
		return
	}
	timer := time.NewTimer(time.Duration(x.fault.DelayMs) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.http.Context().Done():
	case <-s.background.Done():
	}
}

// dropConnection closes the connection in the middle of the status line. Closed before the first byte, Go's HTTP client
// would quietly repeat a request that has an idempotency key, and the fault would not be seen.
func dropConnection(w http.ResponseWriter) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: ends the stream, which is as much as there is to drop
	}
	_, _ = buffered.WriteString("HTTP/1.1 ")
	_ = buffered.Flush()
	_ = conn.Close()
}
