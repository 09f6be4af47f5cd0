package stripesim

import (
	"cmp"
	"net/http"
	"time"

	"tallystick/internal/stripesim/control"
	"tallystick/internal/stripesim/fault"
)

// strike answers, or fails to answer, in place of the API. It reports whether the
// request ends here.
func (s *Sandbox) strike(w http.ResponseWriter, x *exchange) bool {
	switch x.fault.Kind {
	case fault.DropBefore:
		s.record(x, &answer{})
		dropConnection(w)
	case fault.Garbage:
		status := cmp.Or(x.fault.Status, http.StatusBadGateway)
		s.record(x, &answer{status: status})
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><body><h1>502 Bad Gateway</h1></body></html>\n"))
	case fault.Unauthorized:
		refused := invalidKey(APIKey(x.http))
		s.record(x, &answer{status: refused.Status})
		control.WriteJSON(w, refused.Status, errorBody(refused, "", s.Now()))
	case fault.Refuse, fault.RateLimit, fault.LockTimeout, fault.ServerError, fault.Forbidden:
		result := s.refusal(x, x.fault.Refusal())
		s.record(x, result)
		s.send(w, x, result)
	default:
		return false
	}
	return true
}

// delay waits as long as a fault of this kind says, or until nobody waits for the
// answer any more.
func (s *Sandbox) delay(x *exchange, kind string) {
	if !x.fault.Is(kind) {
		return
	}
	timer := time.NewTimer(time.Duration(x.fault.DelayMs) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.http.Context().Done():
	case <-s.Background.Done():
	}
}

// dropConnection closes the connection in the middle of the status line. Closed before
// the first byte, Go's HTTP client would quietly repeat a request that has an
// idempotency key, and the fault would not be seen.
func dropConnection(w http.ResponseWriter) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: ends the stream, which is as much as there is to drop
	}
	_, _ = buffered.WriteString("HTTP/1.1 ")
	_ = buffered.Flush()
	_ = conn.Close()
}
