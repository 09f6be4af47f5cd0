package stripeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/stripe/stripe-go/v76"
)

// Call is one HTTP request to Stripe, for the record.
type Call struct {
	Method, Path   string
	IdempotencyKey string
	At             time.Time
	// What follows is known once the answer is there, or does not come.
	Status    int // 0: no answer
	RequestID string
	ErrorCode string // Stripe's code or type, or what kept an answer from coming
	Duration  time.Duration
}

// Recorder puts requests on record.
type Recorder interface {
	// Started is called before a request leaves. When it fails, the request
	// does not leave.
	Started(context.Context, *Call) error
	// Finished is called with the same call once its outcome is known.
	Finished(context.Context, *Call)
}

// errNotRecorded is the error of a request that did not leave, because it
// could not be put on record.
var errNotRecorded = errors.New("the request to stripe could not be put on record")

type recorderKey struct{}

// WithRecorder returns a context whose requests are put on record.
func WithRecorder(ctx context.Context, r Recorder) context.Context {
	return context.WithValue(ctx, recorderKey{}, r)
}

// WithoutRecorder returns a context whose requests are not put on record.
func WithoutRecorder(ctx context.Context) context.Context {
	return context.WithValue(ctx, recorderKey{}, nil)
}

var turnSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "tallystick_stripe_turn_seconds",
	Help:    "How long requests to Stripe waited for their turn at the account's rate, by read and write.",
	Buckets: []float64{.001, .01, .05, .1, .25, .5, 1, 2, 3},
}, []string{"line"})

var callSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "tallystick_stripe_call_seconds",
	Help:    "How long requests to Stripe took, by method and HTTP status (0: no answer).",
	Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
}, []string{"method", "status"})

// transport is the one door that every request to Stripe goes through.
type transport struct {
	base    http.RoundTripper
	gate    *gate
	limiter *limiter
	keys    *keyring
	logger  *slog.Logger
}

// errAnotherKey says that Stripe refuses a key, and that there is another one.
var errAnotherKey = errors.New("stripe refuses the key; there is another one")

// RoundTrip implements [http.RoundTripper]. A request whose key Stripe refuses has
// had no effect, and is made again with the next key where there is one.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
	}
	key, pinned := t.keys.of(req.Context())
	replaceable := t.keys.spare(key, pinned)
	resp, err := t.once(req, body, key, replaceable)
	if err == nil && resp.StatusCode == http.StatusNotFound && !t.sameAccount(req, key) {
		return nil, unconfirmedError{}
	}
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !replaceable || pinned {
		return resp, err
	}
	t.logger.WarnContext(req.Context(), "Stripe refuses the key; the next one of STRIPE_SECRET_KEY is used from now on")
	return t.once(req, body, t.keys.replace(key), false)
}

// sameAccount asks whether the account still answers that was confirmed, and closes
// the gate if another one does, as behind a proxy that was turned elsewhere.
func (t *transport) sameAccount(req *http.Request, key int) bool {
	confirmed, _ := t.gate.account.Load().(string) // nothing else is ever stored
	if confirmed == "" || req.URL.Path == accountPath {
		return true
	}
	ctx := context.WithValue(req.Context(), recorderKey{}, nil) // no request of the operation's
	ask := req.Clone(ctx)
	ask.Method, ask.Body, ask.ContentLength = http.MethodGet, nil, 0
	ask.URL.Path, ask.URL.RawQuery = accountPath, ""
	ask.Header.Del("Idempotency-Key")
	ask.Header.Del("Content-Type")
	resp, err := t.once(ask, nil, key, false)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusForbidden {
		return true // the key may not read its own account: it is taken at its word
	}
	var now struct {
		ID string `json:"id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&now); err != nil || resp.StatusCode != http.StatusOK {
		return false
	}
	if now.ID != confirmed {
		t.gate.wrong.Store(true)
		t.logger.ErrorContext(ctx, "another Stripe account answers; nothing more is sent until a restart", "account", now.ID, "confirmed", confirmed)
	}
	return now.ID == confirmed
}

// once makes a request with one key. When Stripe refuses that, it is not reported as
// the account's state as long as another key can replace it.
func (t *transport) once(req *http.Request, body []byte, key int, replaceable bool) (*http.Response, error) {
	ctx := req.Context()
	line := t.limiter.of(req.Method)
	if err := line.wait(ctx); err != nil {
		return nil, err
	}
	leave, err := t.gate.enter()
	if err != nil {
		return nil, err
	}
	call := &Call{
		Method:         req.Method,
		Path:           req.URL.Path,
		IdempotencyKey: req.Header.Get("Idempotency-Key"),
		At:             time.Now(),
	}
	recorder, _ := ctx.Value(recorderKey{}).(Recorder)
	if recorder != nil {
		if err := recorder.Started(ctx, call); err != nil {
			err = errors.Join(errNotRecorded, err)
			leave(0, err)
			return nil, err
		}
	}
	resp, err := t.send(t.prepare(req, body, key), call)
	heard := err
	if call.Status == http.StatusUnauthorized && replaceable {
		heard = errAnotherKey
	}
	leave(call.Status, heard)
	line.report(call.Status == http.StatusTooManyRequests)
	callSeconds.WithLabelValues(call.Method, fmt.Sprint(call.Status)).Observe(call.Duration.Seconds())
	if recorder != nil {
		recorder.Finished(ctx, call)
	}
	return resp, err
}

// prepare is the request as it is sent with a key. Without GetBody the HTTP
// transport does not repeat it by itself, unseen, when a connection breaks.
func (t *transport) prepare(req *http.Request, body []byte, key int) *http.Request {
	once := req.Clone(req.Context())
	once.GetBody = nil
	once.Body = http.NoBody
	if len(body) > 0 {
		once.Body = io.NopCloser(bytes.NewReader(body))
	}
	t.keys.sign(once, key)
	return once
}

// send makes the request and fills in its outcome. An answer that is not
// Stripe's, such as a proxy's page, becomes an error.
func (t *transport) send(req *http.Request, call *Call) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err == nil {
		err = t.read(resp, call)
	}
	call.Duration = time.Since(call.At)
	if err != nil {
		if call.ErrorCode == "" {
			call.ErrorCode = noAnswer(err)
		}
		return nil, err
	}
	return resp, nil
}

func (t *transport) read(resp *http.Response, call *Call) error {
	call.RequestID = resp.Header.Get("Request-Id")
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	resp.Body.Close()
	if err != nil {
		return err
	}
	call.Status = resp.StatusCode
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct {
		Error *struct {
			Code string `json:"code"`
			Type string `json:"type"`
		} `json:"error"`
	}
	err = json.Unmarshal(body, &answer)
	failed := resp.StatusCode < 200 || resp.StatusCode > 299
	if err != nil || failed != (answer.Error != nil) {
		call.ErrorCode = "not_stripe"
		return &notStripeError{status: resp.StatusCode}
	}
	if failed {
		if call.ErrorCode = answer.Error.Code; call.ErrorCode == "" {
			call.ErrorCode = answer.Error.Type
		}
	}
	if call.ErrorCode == string(stripe.ErrorCodeResourceMissing) && !t.gate.confirmed.Load() {
		return unconfirmedError{}
	}
	return nil
}

// notStripeError is the error of an answer that Stripe does not give.
type notStripeError struct{ status int }

func (e *notStripeError) Error() string {
	return fmt.Sprintf("not an answer of Stripe (HTTP status %d)", e.status)
}

// noAnswer names what kept an answer from coming.
func noAnswer(err error) string {
	f := Classify(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case f.Kind == Unavailable:
		return "unreachable"
	}
	return "connection_lost"
}
