package stripesim

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/control"
	"tallystick/internal/stripesim/fault"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// answer is a finished response, as it is sent and as it is stored under an idempotency key.
type answer struct {
	status     int
	body       []byte
	retryAfter int
	original   string // the request whose stored answer this is; empty when this request did the work itself
	hint       string // what the sandbox has to say about it, beside what Stripe would
}

// exchange is one API request on its way through the sandbox.
type exchange struct {
	http      *http.Request
	form      url.Values
	requestID string
	key       string // the idempotency key, when the method honours one
	keyHeader string // the key as sent, echoed on every answer
	run       state.Endpoint
	fault     *fault.Fault
}

// mutates says whether the request may change anything.
func (x *exchange) mutates() bool { return x.http.Method != http.MethodGet }

// serve wraps an endpoint in what every request goes through: authentication, faults,
// idempotency, one transaction.
func (s *Sandbox) serve(run state.Endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{http: r, run: run, requestID: state.NewID("req_"), keyHeader: r.Header.Get("Idempotency-Key")}
		form, malformed := readForm(w, r)
		x.form = form
		if r.Method == http.MethodPost { // elsewhere Stripe ignores the key
			x.key = x.keyHeader
		}
		if refused := s.authenticate(r); refused != nil {
			s.record(x, &answer{status: refused.Status})
			w.Header().Set("WWW-Authenticate", `Bearer realm="Stripe"`)
			control.WriteJSON(w, refused.Status, errorBody(refused, "", s.Now()))
			return
		}
		if refused := s.pace.admit(APIKey(r), x.mutates(), s.wall()); refused != nil {
			result := s.refusal(x, refused)
			s.record(x, result)
			s.send(w, x, result)
			return
		}
		x.fault = s.faults.Take(fault.Request{Method: r.Method, Path: r.URL.Path, Form: form, Key: APIKey(r), UserAgent: r.UserAgent()})
		if x.fault != nil && s.strike(w, x) {
			return
		}
		result := s.answer(x, malformed)
		s.record(x, result)
		s.Log.Debug("sandbox request", "method", r.Method, "path", r.URL.Path, "status", result.status, "request_id", x.requestID)
		s.send(w, x, result)
	})
}

// record notes a request and what became of it in the log.
func (s *Sandbox) record(x *exchange, a *answer) {
	entry := control.LoggedRequest{
		Method: x.http.Method, Path: x.http.URL.Path, IdempotencyKey: x.keyHeader,
		Status: a.status, Replayed: a.original != "", Params: withoutSecrets(x.form),
	}
	if x.fault != nil {
		entry.Fault = x.fault.Kind
	}
	s.requests.Add(entry)
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

// readForm collects the parameters from the query and, whatever the method, from a
// form-encoded body.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, *apierror.Error) {
	given := r.URL.Query()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, form.MaxBody))
	if err != nil {
		return given, apierror.Invalid("", "The request body could not be read.").BeforeWork()
	}
	contentType := r.Header.Get("Content-Type")
	if len(body) > 0 && contentType != "" && !strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		return given, apierror.Invalid("", "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any questions, we can help at https://support.stripe.com/.").BeforeWork()
	}
	sent, err := url.ParseQuery(string(body))
	if err != nil {
		return given, apierror.Invalid("", "Invalid request (the form encoding of the body is broken).").BeforeWork()
	}
	for name, values := range sent {
		given[name] = append(given[name], values...)
	}
	return given, nil
}

// authenticate returns Stripe's 401 unless the request carries an accepted secret key.
func (s *Sandbox) authenticate(r *http.Request) *apierror.Error {
	key := APIKey(r)
	if key == "" {
		e := apierror.Invalid("", "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.")
		e.Status = http.StatusUnauthorized
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

// APIKey is the key that the request carries, as a bearer token or as the user name of
// basic authentication.
func APIKey(r *http.Request) string {
	if user, _, basic := r.BasicAuth(); basic {
		return user
	}
	return strings.TrimSpace(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer"))
}

func invalidKey(key string) *apierror.Error {
	e := apierror.Invalid("", "Invalid API Key provided: %s", maskKey(key))
	e.Status = http.StatusUnauthorized
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
func (s *Sandbox) answer(x *exchange, malformed *apierror.Error) *answer {
	if malformed != nil {
		return s.refusal(x, malformed)
	}
	if version := x.http.Header.Get("Stripe-Version"); !speaks(version) {
		return s.refusal(x, apierror.Invalid("", "Invalid Stripe API version: %s", version))
	}
	if refused := s.keys.claim(x.key); refused != nil {
		return s.refusal(x, refused)
	}
	defer s.keys.release(x.key)
	s.delay(x, fault.Delay)
	result, err := s.perform(x)
	if err != nil {
		s.Log.Error("sandbox failure", "method", x.http.Method, "path", x.http.URL.Path, "error", err)
		result = s.refusal(x, apierror.ServerError())
	}
	s.delay(x, fault.DelayAfter)
	return result
}

// oldestVersion is of the SDKs from which on objects have the fields of the version
// that the sandbox speaks.
const oldestVersion = "2022-11-15"

var plausibleVersion = regexp.MustCompile(`^20\d\d-[01]\d-[0-3]\d(\.[a-z]+)?$`)

// speaks says whether a request for a version of the API is answered; it is in the
// sandbox's own version.
func speaks(version string) bool {
	return version == "" || plausibleVersion.MatchString(version) && version >= oldestVersion
}

func (s *Sandbox) refusal(x *exchange, e *apierror.Error) *answer {
	return &answer{status: e.Status, body: errorBody(e, x.requestID, s.Now()), retryAfter: e.RetryAfter, hint: e.Hint}
}

// perform runs the endpoint in one transaction together with its idempotency record.
// The work goes on when the client has gone, as it does at Stripe.
func (s *Sandbox) perform(x *exchange) (*answer, error) {
	ctx := context.WithoutCancel(x.http.Context())
	t, err := s.Store.Begin(ctx, x.mutates())
	if err != nil {
		return nil, err
	}
	defer t.Rollback()
	now := s.Now()
	if replay, refused, err := storedAnswer(t, x, now); err != nil {
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
		if err := storeAnswer(t, x, result, now); err != nil {
			return nil, err
		}
	}
	if !x.mutates() {
		return result, nil
	}
	return result, s.Commit(t)
}

// work runs the endpoint, or what a fault puts in its place. It says whether the answer
// belongs to the idempotency key.
func (s *Sandbox) work(t *state.Tx, x *exchange, now int64) (result *answer, store bool, err error) {
	if refused := x.fault.InsteadOfWork(); refused != nil {
		return s.refusal(x, refused), !refused.Unstored, nil
	}
	if _, err := t.ExecContext(t.Ctx, "SAVEPOINT work"); err != nil {
		return nil, false, fmt.Errorf("savepoint: %w", err)
	}
	body, refused, err := x.execute(t, now)
	if err != nil {
		return nil, false, err
	}
	if refused != nil && !refused.KeepsWork {
		if _, err := t.ExecContext(t.Ctx, "ROLLBACK TO work"); err != nil {
			return nil, false, fmt.Errorf("roll back work: %w", err)
		}
	}
	switch {
	case refused != nil:
		return s.refusal(x, refused), !refused.Unstored, nil
	case x.fault.Is(fault.StoredErrorAfter):
		return s.refusal(x, apierror.ServerError()), true, nil
	}
	return &answer{status: http.StatusOK, body: body}, true, nil
}

// execute runs the endpoint and renders its result. A refusal is an answer, an error is
// the sandbox's own failure.
func (x *exchange) execute(t *state.Tx, now int64) ([]byte, *apierror.Error, error) {
	var err error
	t.Now, err = t.MomentOf(now, x.http.PathValue("id"), x.form.Get("customer"), x.form.Get("test_clock"))
	if err != nil {
		return nil, nil, err
	}
	c := &state.Request{Tx: t, Params: form.DecodeForm(x.form), HTTP: x.http}
	t.Request.ID = &x.requestID
	if x.key != "" {
		c.Request.IdempotencyKey = &x.key
	}
	if x.mutates() {
		if err := c.RememberAddress(); err != nil {
			return nil, nil, err
		}
	}
	expand, _ := c.Params.Texts("expand")
	result, err := x.run(c)
	if err == nil {
		result, err = t.Render(result, expand)
	}
	var refused *apierror.Error
	if errors.As(err, &refused) {
		return nil, refused, nil
	}
	if err != nil {
		return nil, nil, err
	}
	body, err := state.Encode(result)
	return body, nil, err
}

func errorBody(e *apierror.Error, requestID string, now int64) []byte {
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

// hintHeader is where the sandbox speaks of itself.
const hintHeader = "X-Sandbox"

// send writes the answer with Stripe's headers, unless a fault loses it on the way.
func (s *Sandbox) send(w http.ResponseWriter, x *exchange, a *answer) {
	if x.fault.Is(fault.DropAfter) {
		dropConnection(w)
		return
	}
	header := w.Header()
	header.Set("Request-Id", x.requestID)
	header.Set("Stripe-Version", state.APIVersion)
	if x.keyHeader != "" {
		header.Set("Idempotency-Key", x.keyHeader)
	}
	header.Set("Cache-Control", "no-cache, no-store")
	header.Set("Vary", "Origin")
	if x.key != "" {
		header.Set("Original-Request", cmp.Or(a.original, x.requestID))
	}
	if a.original != "" {
		header.Set("Idempotent-Replayed", "true")
	}
	if a.status == http.StatusOK || a.status == http.StatusPaymentRequired {
		header.Set("Stripe-Should-Retry", "false")
	}
	if version := x.http.Header.Get("Stripe-Version"); version != "" && version != state.APIVersion {
		header.Add(hintHeader, "asked for "+version+", answered in "+state.APIVersion)
	}
	if a.hint != "" {
		header.Add(hintHeader, a.hint)
	}
	if a.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	control.WriteJSON(w, a.status, a.body)
}
