package stripesim

import (
	"strings"
	"sync"
)

// maxRequests bounds the request log.
const maxRequests = 10_000

// loggedRequest is one API request as the sandbox saw it.
type loggedRequest struct {
	Method         string              `json:"method"`
	Path           string              `json:"path"`
	IdempotencyKey string              `json:"idempotencyKey,omitempty"`
	Status         int                 `json:"status"` // 0: the connection was dropped before an answer was made
	Replayed       bool                `json:"replayed"`
	Fault          string              `json:"fault,omitempty"`
	Params         map[string][]string `json:"params,omitempty"`
}

// requestLog is a ring of the latest requests.
type requestLog struct {
	mu      sync.Mutex
	ring    []loggedRequest
	next    int
	dropped int
}

func (l *requestLog) add(x *exchange, a *answer) {
	entry := loggedRequest{
		Method: x.http.Method, Path: x.http.URL.Path, IdempotencyKey: x.keyHeader,
		Status: a.status, Replayed: a.original != "", Params: withoutSecrets(x.form),
	}
	if x.fault != nil {
		entry.Fault = x.fault.Kind
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ring) < maxRequests {
		l.ring = append(l.ring, entry)
		return
	}
	l.ring[l.next] = entry
	l.next = (l.next + 1) % maxRequests
	l.dropped++
}

// list returns the log, oldest first, and how many older requests it has forgotten.
func (l *requestLog) list() ([]loggedRequest, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := make([]loggedRequest, 0, len(l.ring))
	entries = append(entries, l.ring[l.next:]...)
	return append(entries, l.ring[:l.next]...), l.dropped
}

func (l *requestLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring, l.next, l.dropped = nil, 0, 0
}

// withoutSecrets leaves out the values that open something.
func withoutSecrets(form map[string][]string) map[string][]string {
	shown := make(map[string][]string, len(form))
	for name, values := range form {
		if strings.Contains(name, "secret") || strings.HasPrefix(name, "card[") {
			values = []string{"[hidden]"}
		}
		shown[name] = values
	}
	return shown
}
