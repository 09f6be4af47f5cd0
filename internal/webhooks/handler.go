// Package webhooks receives Stripe's events. An event is stored before Stripe gets
// its answer; then the object that it is about is read from Stripe and mirrored.
// The contents of an event are not used, so duplicates, any order and any API
// version do no harm, and no event is lost.
package webhooks

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"tallystick/internal/stripesync"
)

const (
	// maxBody is far above what Stripe sends.
	maxBody = 1 << 20
	// tolerance is how old a signature may be: Stripe's recommendation.
	tolerance = 300 * time.Second
)

// Handler receives events over HTTP. It answers 200 once an event is stored, and
// for one that is stored already; 400 or 413 for what is no event with a valid
// signature; 503 while it is busy with others, and 500 when the event cannot be
// stored, so that Stripe sends it again.
type Handler struct {
	inbox   *Inbox
	secrets []string
	logger  *slog.Logger
	room    chan struct{} // taken by each event that is being read
	told    atomic.Int64  // when a refusal was last logged, in Unix seconds
}

// atOnce is how many events are read at the same time.
const atOnce = 64

// NewHandler builds a handler of events that are signed with one of the secrets;
// there are two while one is being replaced.
func NewHandler(inbox *Inbox, secrets []string, logger *slog.Logger) *Handler {
	return &Handler{inbox: inbox, secrets: secrets, logger: logger, room: make(chan struct{}, atOnce)}
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Stripe-Signature") == "" { // before anything of it is held
		received.WithLabelValues("refused").Inc()
		answer(w, http.StatusBadRequest, "The event has no valid Stripe-Signature header.")
		return
	}
	select {
	case h.room <- struct{}{}:
		defer func() { <-h.room }()
	default:
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusServiceUnavailable, "Too many events come at once; send it again.")
		return
	}
	report, refused := h.read(w, r)
	if refused != nil {
		received.WithLabelValues("refused").Inc()
		answer(w, refused.status, refused.message)
		return
	}
	stored, err := h.inbox.Store(r.Context(), report)
	switch {
	case err != nil:
		h.logger.ErrorContext(r.Context(), "an event could not be stored; Stripe will send it again",
			"event", report.EventID, "error", err)
		answer(w, http.StatusInternalServerError, "The event could not be stored.")
	case !stored:
		received.WithLabelValues("duplicate").Inc()
		answer(w, http.StatusOK, "The event is known.")
	default:
		received.WithLabelValues("stored").Inc()
		answer(w, http.StatusOK, "The event is stored.")
	}
}

// refusal is the answer to what is no event.
type refusal struct {
	status  int
	message string
}

// read reads what a delivery reports, if its signature is valid.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (Report, *refusal) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return Report{}, &refusal{http.StatusRequestEntityTooLarge, "The event is too large."}
	case err != nil:
		return Report{}, &refusal{http.StatusServiceUnavailable, "The event could not be read. Send it again."}
	}
	event, err := h.verify(body, r.Header.Get("Stripe-Signature"))
	if err != nil {
		if now := time.Now().Unix(); h.told.Swap(now) != now { // once a second: anybody can send them
			h.logger.WarnContext(r.Context(), "an event was refused", "error", invalid(err))
		}
		return Report{}, &refusal{http.StatusBadRequest, invalid(err)}
	}
	report, err := read(&event)
	if err != nil {
		return Report{}, &refusal{http.StatusBadRequest, "The event has no object, or no date."}
	}
	return report, nil
}

// verify reads an event that is signed with any of the secrets. The signature's age
// is told by the inbox's clock, since this machine's may be wrong.
func (h *Handler) verify(body []byte, signature string) (event stripe.Event, err error) {
	err = webhook.ErrNoValidSignature
	for _, secret := range h.secrets {
		event, err = webhook.ConstructEventWithOptions(body, signature, secret,
			webhook.ConstructEventOptions{IgnoreTolerance: true, IgnoreAPIVersionMismatch: true})
		if !errors.Is(err, webhook.ErrNoValidSignature) {
			break
		}
	}
	if err == nil && h.inbox.now().Sub(signedAt(signature)) > tolerance {
		err = webhook.ErrTooOld
	}
	return event, err
}

// signedAt is the time in a Stripe-Signature header that was found to be valid:
// t=1495999758,v1=….
func signedAt(signature string) time.Time {
	var at int64
	for pair := range strings.SplitSeq(signature, ",") {
		if seconds, ok := strings.CutPrefix(pair, "t="); ok {
			at, _ = strconv.ParseInt(seconds, 10, 64) // the signature covers it
		}
	}
	return time.Unix(at, 0)
}

// invalid says why an event is not taken in, without repeating any of it.
func invalid(err error) string {
	switch {
	case errors.Is(err, webhook.ErrNotSigned), errors.Is(err, webhook.ErrInvalidHeader):
		return "The event has no valid Stripe-Signature header."
	case errors.Is(err, webhook.ErrNoValidSignature):
		return "The event's signature is not valid."
	case errors.Is(err, webhook.ErrTooOld):
		return "The event's signature is too old."
	}
	return "The event is not JSON."
}

// Report is what an event is about.
type Report struct {
	EventID    string
	Type       string
	ObjectType string
	ObjectID   string // empty for a preview, such as an upcoming invoice
	Account    string // the connected account that it is about; empty for our own
	OccurredAt time.Time
	// Echo says that a request of an operation caused it. Readers see what that has
	// changed since the answer to the request.
	Echo bool
}

func (r Report) object() Object { return Object{Type: r.ObjectType, ID: r.ObjectID} }

// ignorable reports whether the event is about nothing that this account's key
// could read: an object without an id, or another account's.
func (r Report) ignorable() bool { return r.ObjectID == "" || r.Account != "" }

func read(event *stripe.Event) (Report, error) {
	var object struct {
		ID     string `json:"id"`
		Object string `json:"object"`
	}
	if event.Data == nil || event.ID == "" {
		return Report{}, errors.New("no data")
	}
	if err := json.Unmarshal(event.Data.Raw, &object); err != nil {
		return Report{}, err
	}
	if strings.ContainsRune(event.ID+string(event.Type)+event.Account+object.ID+object.Object, 0) { // PostgreSQL keeps no such text
		return Report{}, errors.New("a NUL in an id")
	}
	if event.Created < 0 || event.Created > lastSecond {
		return Report{}, errors.New("no date")
	}
	return Report{
		EventID: event.ID, Type: string(event.Type), ObjectType: object.Object, ObjectID: object.ID,
		Account:    event.Account,
		OccurredAt: time.Unix(event.Created, 0).UTC(),
		Echo:       event.Request != nil && stripesync.IsKey(event.Request.IdempotencyKey),
	}, nil
}

// lastSecond is the end of the year 9999: what comes after is no date to a database.
const lastSecond = 253_402_300_799

func answer(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message}) //nolint:errcheck // to a client that may have gone
}
