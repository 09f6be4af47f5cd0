package control

import (
	"sync"
)

// maxRequests bounds the request log.
const maxRequests = 10_000

// LoggedRequest is one API request as the sandbox saw it.
type LoggedRequest struct {
	Method         string              `json:"method"`
	Path           string              `json:"path"`
	IdempotencyKey string              `json:"idempotencyKey,omitempty"`
	Status         int                 `json:"status"` // 0: the connection was dropped before an answer was made
	Replayed       bool                `json:"replayed"`
	Fault          string              `json:"fault,omitempty"`
	Params         map[string][]string `json:"params,omitempty"`
}

// RequestLog is a ring of the latest requests.
type RequestLog struct {
	mu      sync.Mutex
	ring    []LoggedRequest
	next    int
	dropped int
}

// Add notes a request; the oldest gives way when the log is full.
func (l *RequestLog) Add(entry LoggedRequest) {
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
func (l *RequestLog) list() ([]LoggedRequest, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries := make([]LoggedRequest, 0, len(l.ring))
	entries = append(entries, l.ring[l.next:]...)
	return append(entries, l.ring[:l.next]...), l.dropped
}

func (l *RequestLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring, l.next, l.dropped = nil, 0, 0
}
