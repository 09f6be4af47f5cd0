package stripesim

import (
	"encoding/json"
	"errors"
	"net/http"
)

// routeControl adds the sandbox's own paths. They need no key: the sandbox is a development tool for the local machine.
func (s *Sandbox) routeControl() {
	s.mux.HandleFunc("GET /_sim/{$}", s.overview)
	s.mux.HandleFunc("POST /_sim/faults", s.addFault)
	s.mux.HandleFunc("GET /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		respond(w, http.StatusOK, map[string]any{"faults": s.faults.list()})
	})
	s.mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("GET /_sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		requests, forgotten := s.requests.list()
		respond(w, http.StatusOK, map[string]any{"requests": requests, "forgotten": forgotten})
	})
	s.mux.HandleFunc("DELETE /_sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		s.requests.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("POST /_sim/objects/{id}", s.editing())
	s.mux.HandleFunc("POST /_sim/subscriptions/{id}", s.changing(putSubscription))
	s.mux.HandleFunc("POST /_sim/payment_intents/{id}", s.changing(authenticatePayment))
	s.mux.HandleFunc("POST /_sim/charges/{id}/dispute", s.changing(disputeCharge))
	s.mux.HandleFunc("GET /_sim/settings", s.changing(getAccount))
	s.mux.HandleFunc("POST /_sim/settings", s.changing(putAccount))
	s.routeClockControl()
	s.routeWebhookControl()
	s.mux.HandleFunc("/_sim/", func(w http.ResponseWriter, r *http.Request) {
		controlError(w, http.StatusNotFound, errors.New("no such control: "+r.Method+" "+r.URL.Path))
	})
}

// overview counts the objects that exist.
func (s *Sandbox) overview(w http.ResponseWriter, r *http.Request) {
	rows, err := s.store.read.QueryContext(r.Context(), `SELECT kind, count(*) FROM objects WHERE deleted = 0 GROUP BY kind`)
	if err != nil {
		controlError(w, http.StatusInternalServerError, err)
		return
	}
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var kind string
		var count int
		if err := rows.Scan(&kind, &count); err != nil {
			controlError(w, http.StatusInternalServerError, err)
			return
		}
		counts[kind] = count
	}
	if err := rows.Err(); err != nil {
		controlError(w, http.StatusInternalServerError, err)
		return
	}
	respond(w, http.StatusOK, map[string]any{"apiVersion": apiVersion, "now": s.now(), "objects": counts, "faults": len(s.faults.list())})
}

func (s *Sandbox) addFault(w http.ResponseWriter, r *http.Request) {
	var fault Fault
	if err := readControl(r, &fault); err != nil {
		controlError(w, http.StatusBadRequest, err)
		return
	}
	if err := fault.validate(); err != nil {
		controlError(w, http.StatusBadRequest, err)
		return
	}
	respond(w, http.StatusCreated, s.faults.add(fault))
}

// changing wraps a control that changes Stripe's objects, by way of the same rules and events as the API.
func (s *Sandbox) changing(run endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, err := s.store.begin(r.Context(), true)
		if err != nil {
			controlError(w, http.StatusInternalServerError, err)
			return
		}
		defer t.Rollback()
		var result any
		t.now, err = t.momentOf(s.now(), r.PathValue("id"))
		if err == nil {
			result, err = run(&call{tx: t, http: r})
		}
		if err == nil {
			result, err = t.render(result, nil)
		}
		if err == nil {
			err = s.commit(t)
		}
		var refused *apiError
		switch {
		case errors.As(err, &refused):
			controlError(w, refused.status, errors.New(refused.Message))
		case err != nil:
			controlError(w, http.StatusInternalServerError, err)
		default:
			respond(w, http.StatusOK, result)
		}
	}
}

func readControl(r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func respond(w http.ResponseWriter, status int, value any) {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		controlError(w, http.StatusInternalServerError, err)
		return
	}
	writeJSON(w, status, body)
}

func controlError(w http.ResponseWriter, status int, err error) {
	body, _ := json.Marshal(map[string]string{"error": err.Error()}) // a map of strings always encodes
	writeJSON(w, status, body)
}
