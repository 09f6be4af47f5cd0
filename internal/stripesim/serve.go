package stripesim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxBody is the largest request body that the sandbox reads.
const maxBody = 1 << 20

// answer is a finished response, as it is sent and as it is stored under an idempotency key.
type answer struct {
	status     int
	body       []byte
	retryAfter int
	original   string // the request whose stored answer this is; empty when this request did the work itself
}

// exchange is one API request on its way through the sandbox.
type exchange struct {
	http      *http.Request
	form      url.Values
	requestID string
	key       string // the idempotency key, when the method honours one
	keyHeader string // the key as sent, echoed on every answer
	run       endpoint
	fault     *Fault
}

// mutates says whether the request may change anything.
func (x *exchange) mutates() bool { return x.http.Method != http.MethodGet }

// serve wraps an endpoint in what every request goes through: authentication, faults, idempotency, one transaction.
func (s *Sandbox) serve(run endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{http: r, run: run, requestID: newID("req_"), keyHeader: r.Header.Get("Idempotency-Key")}
		form, malformed := readForm(w, r)
		x.form = form
		if r.Method == http.MethodPost { // elsewhere Stripe ignores the key
			x.key = x.keyHeader
		}
		if refused := s.authenticate(r); refused != nil {
			s.requests.add(x, &answer{status: refused.status})
			w.Header().Set("WWW-Authenticate", `Bearer realm="Stripe"`)
			writeJSON(w, refused.status, errorBody(refused, "", s.now()))
			return
		}
		x.fault = s.faults.take(r.Method, r.URL.Path, form)
		if x.fault != nil && s.strike(w, x) {
			return
		}
		result := s.answer(x, malformed)
		s.requests.add(x, result)
		s.log.Debug("sandbox request", "method", r.Method, "path", r.URL.Path, "status", result.status, "request_id", x.requestID)
		s.send(w, x, result)
	})
}

// readForm collects the parameters from the query and, whatever the method, from a form-encoded body.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, *apiError) {
	form := r.URL.Query()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return form, invalid("", "The request body could not be read.").beforeWork()
	}
	contentType := r.Header.Get("Content-Type")
	if len(body) > 0 && contentType != "" && !strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		return form, invalid("", "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any questions, we can help at https://support.stripe.com/.").beforeWork()
	}
	sent, err := url.ParseQuery(string(body))
	if err != nil {
		return form, invalid("", "Invalid request (the form encoding of the body is broken).").beforeWork()
	}
	for name, values := range sent {
		form[name] = append(form[name], values...)
	}
	return form, nil
}

// authenticate returns Stripe's 401 unless the request carries an accepted secret key.
func (s *Sandbox) authenticate(r *http.Request) *apiError {
	key := apiKey(r)
	if key == "" {
		e := invalid("", "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.")
		e.status = http.StatusUnauthorized
		return e
	}
	accepted := key == s.secretKey
	if s.secretKey == "" {
		accepted = strings.HasPrefix(key, "sk_test_") || strings.HasPrefix(key, "rk_test_")
	}
	if !accepted {
		return invalidKey(key)
	}
	return nil
}

// apiKey is the key that the request carries, as a bearer token or as the user name of basic authentication.
func apiKey(r *http.Request) string {
	if user, _, basic := r.BasicAuth(); basic {
		return user
	}
	return strings.TrimSpace(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer"))
}

func invalidKey(key string) *apiError {
	e := invalid("", "Invalid API Key provided: %s", maskKey(key))
	e.status = http.StatusUnauthorized
	return e
}

// maskKey shows what kind of key it was and its last four characters.
func maskKey(key string) string {
	prefix := ""
	if cut := strings.LastIndex(key, "_"); cut >= 0 {
		prefix = key[:cut+1]
	}
	secret := strings.TrimPrefix(key, prefix)
	if len(secret) <= 4 {
		return prefix + strings.Repeat("*", len(secret))
	}
	return prefix + strings.Repeat("*", len(secret)-4) + secret[len(secret)-4:]
}

// answer does the request's work unless something stands against it before it begins.
func (s *Sandbox) answer(x *exchange, malformed *apiError) *answer {
	if malformed != nil {
		return s.refusal(x, malformed)
	}
	if version := x.http.Header.Get("Stripe-Version"); version != "" && version != apiVersion {
		return s.refusal(x, invalid("", "Invalid Stripe API version: %s", version))
	}
	if refused := s.keys.claim(x.key); refused != nil {
		return s.refusal(x, refused)
	}
	defer s.keys.release(x.key)
	s.delay(x, faultDelay)
	result, err := s.perform(x)
	if err != nil {
		s.log.Error("sandbox failure", "method", x.http.Method, "path", x.http.URL.Path, "error", err)
		result = s.refusal(x, serverError())
	}
	s.delay(x, faultDelayAfter)
	return result
}

func (s *Sandbox) refusal(x *exchange, e *apiError) *answer {
	return &answer{status: e.status, body: errorBody(e, x.requestID, s.now()), retryAfter: e.retryAfter}
}

// perform runs the endpoint in one transaction together with its idempotency record. The work goes on when the client
// has gone, as it does at Stripe.
func (s *Sandbox) perform(x *exchange) (*answer, error) {
	ctx := context.WithoutCancel(x.http.Context())
	t, err := s.store.begin(ctx, x.mutates())
	if err != nil {
		return nil, err
	}
	defer t.Rollback()
	now := s.now()
	if replay, refused, err := t.storedAnswer(x, now); err != nil {
		return nil, err
	} else if refused != nil {
		return s.refusal(x, refused), nil
	} else if replay != nil {
		return replay, nil
	}
	result, store, err := s.work(t, x, now)
	if err != nil {
		return nil, err
	}
	if store && x.key != "" {
		if err := t.storeAnswer(x, result, now); err != nil {
			return nil, err
		}
	}
	if !x.mutates() {
		return result, nil
	}
	return result, s.commit(t)
}

// work runs the endpoint, or what a fault puts in its place. It says whether the answer belongs to the idempotency key.
func (s *Sandbox) work(t *tx, x *exchange, now int64) (result *answer, store bool, err error) {
	if refused := x.fault.insteadOfWork(); refused != nil {
		return s.refusal(x, refused), !refused.unstored, nil
	}
	if _, err := t.ExecContext(t.ctx, "SAVEPOINT work"); err != nil {
		return nil, false, fmt.Errorf("savepoint: %w", err)
	}
	body, refused, err := x.execute(t, now)
	if err != nil {
		return nil, false, err
	}
	if refused != nil && !refused.keepsWork {
		if _, err := t.ExecContext(t.ctx, "ROLLBACK TO work"); err != nil {
			return nil, false, fmt.Errorf("roll back work: %w", err)
		}
	}
	switch {
	case refused != nil:
		return s.refusal(x, refused), !refused.unstored, nil
	case x.fault.is(faultStoredErrorAfter):
		return s.refusal(x, serverError()), true, nil
	}
	return &answer{status: http.StatusOK, body: body}, true, nil
}

// execute runs the endpoint and renders its result. A refusal is an answer, an error is the sandbox's own failure.
func (x *exchange) execute(t *tx, now int64) ([]byte, *apiError, error) {
	var err error
	t.now, err = t.momentOf(now, x.http.PathValue("id"), x.form.Get("customer"), x.form.Get("test_clock"))
	if err != nil {
		return nil, nil, err
	}
	c := &call{tx: t, params: decodeForm(x.form), http: x.http}
	t.request.ID = &x.requestID
	if x.key != "" {
		c.request.IdempotencyKey = &x.key
	}
	expand, _ := c.params.texts("expand")
	result, err := x.run(c)
	if err == nil {
		result, err = t.render(result, expand)
	}
	var refused *apiError
	if errors.As(err, &refused) {
		return nil, refused, nil
	}
	if err != nil {
		return nil, nil, err
	}
	body, err := json.MarshalIndent(result, "", "  ")
	return body, nil, err
}

func errorBody(e *apiError, requestID string, now int64) []byte {
	wire := *e
	if requestID != "" {
		wire.RequestLogURL = "https://dashboard.stripe.com/test/logs/" + requestID + "?t=" + strconv.FormatInt(now, 10)
	}
	body, err := json.MarshalIndent(map[string]any{"error": wire}, "", "  ")
	if err != nil {
		panic(err) // an apiError holds nothing that cannot be encoded
	}
	return body
}

// send writes the answer with Stripe's headers, unless a fault loses it on the way.
func (s *Sandbox) send(w http.ResponseWriter, x *exchange, a *answer) {
	if x.fault.is(faultDropAfter) {
		dropConnection(w)
		return
	}
	header := w.Header()
	header.Set("Request-Id", x.requestID)
	header.Set("Stripe-Version", apiVersion)
	if x.keyHeader != "" {
		header.Set("Idempotency-Key", x.keyHeader)
	}
	if a.original != "" {
		header.Set("Idempotent-Replayed", "true")
		header.Set("Original-Request", a.original)
	}
	if a.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	writeJSON(w, a.status, a.body)
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that has gone needs no answer
}
