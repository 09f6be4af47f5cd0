// Package control has the sandbox's own paths under /_sim/: what Stripe would do on a
// bad day, or after a month.
package control

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/clock"
	"tallystick/internal/stripesim/fault"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/hook"
	"tallystick/internal/stripesim/object/subscription"
	"tallystick/internal/stripesim/state"
)

// Controls are the sandbox's own paths. They need no key: the sandbox is a development
// tool for the local machine.
type Controls struct {
	*clock.Engine
	Faults   *fault.List
	Requests *RequestLog
	Courier  *hook.Courier
	// RateLimits says whether keys are held to the rates of test mode.
	RateLimits *atomic.Bool
}

// Route adds the controls to a server.
func (s *Controls) Route(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sim/{$}", s.overview)
	mux.HandleFunc("POST /_sim/faults", s.addFault)
	mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, map[string]any{"faults": s.Faults.List()})
	})
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Faults.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /_sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		requests, forgotten := s.Requests.list()
		respond(w, http.StatusOK, map[string]any{"requests": requests, "forgotten": forgotten})
	})
	mux.HandleFunc("DELETE /_sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		s.Requests.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_sim/objects/{id}", s.editing())
	mux.HandleFunc("POST /_sim/subscriptions/{id}", s.changing(putSubscription))
	mux.HandleFunc("POST /_sim/payment_intents/{id}", s.changing(authenticatePayment))
	mux.HandleFunc("POST /_sim/charges/{id}/dispute", s.changing(subscription.DisputeCharge))
	mux.HandleFunc("GET /_sim/settings", s.changing(getAccount))
	mux.HandleFunc("POST /_sim/settings", s.changing(s.putAccount))
	mux.HandleFunc("GET /_sim/inspect", s.inspect)
	s.routeClock(mux)
	s.routeWebhooks(mux)
	mux.HandleFunc("/_sim/", func(w http.ResponseWriter, r *http.Request) {
		Fail(w, http.StatusNotFound, errors.New("no such control: "+r.Method+" "+r.URL.Path))
	})
}

// overview counts the objects that exist.
func (s *Controls) overview(w http.ResponseWriter, r *http.Request) {
	rows, err := s.Store.Read.QueryContext(r.Context(), `SELECT kind, count(*) FROM objects WHERE deleted = 0 GROUP BY kind`)
	if err != nil {
		Fail(w, http.StatusInternalServerError, err)
		return
	}
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var kind string
		var count int
		if err := rows.Scan(&kind, &count); err != nil {
			Fail(w, http.StatusInternalServerError, err)
			return
		}
		counts[kind] = count
	}
	if err := rows.Err(); err != nil {
		Fail(w, http.StatusInternalServerError, err)
		return
	}
	respond(w, http.StatusOK, map[string]any{"apiVersion": state.APIVersion, "now": s.Now(), "objects": counts, "faults": len(s.Faults.List())})
}

func (s *Controls) addFault(w http.ResponseWriter, r *http.Request) {
	var asked fault.Fault
	if err := readControl(r, &asked); err != nil {
		Fail(w, http.StatusBadRequest, err)
		return
	}
	if err := asked.Validate(); err != nil {
		Fail(w, http.StatusBadRequest, err)
		return
	}
	respond(w, http.StatusCreated, s.Faults.Add(asked))
}

// changing wraps a control that changes Stripe's objects, by way of the same rules and
// events as the API.
func (s *Controls) changing(run state.Endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, err := s.Store.Begin(r.Context(), true)
		if err != nil {
			Fail(w, http.StatusInternalServerError, err)
			return
		}
		defer t.Rollback()
		var result any
		t.Now, err = t.MomentOf(s.Now(), r.PathValue("id"))
		if err == nil {
			result, err = run(&state.Request{Tx: t, HTTP: r})
		}
		if err == nil {
			result, err = t.Render(result, nil)
		}
		if err == nil {
			err = s.Commit(t)
		}
		var refused *apierror.Error
		switch {
		case errors.As(err, &refused):
			Fail(w, refused.Status, errors.New(refused.Message))
		case err != nil:
			Fail(w, http.StatusInternalServerError, err)
		default:
			respond(w, http.StatusOK, result)
		}
	}
}

func readControl(r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, form.MaxBody))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func respond(w http.ResponseWriter, status int, value any) {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		Fail(w, http.StatusInternalServerError, err)
		return
	}
	WriteJSON(w, status, body)
}

// Fail answers a control with an error, in JSON.
func Fail(w http.ResponseWriter, status int, err error) {
	body, _ := json.Marshal(map[string]string{"error": err.Error()}) // a map of strings always encodes
	WriteJSON(w, status, body)
}

// WriteJSON sends a body that is JSON already.
func WriteJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that has gone needs no answer
}
