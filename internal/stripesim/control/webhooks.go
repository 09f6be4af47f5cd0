package control

import (
	"errors"
	"net/http"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/hook"
	"tallystick/internal/stripesim/state"
)

// routeWebhooks adds the controls of the webhook deliveries.
func (s *Controls) routeWebhooks(mux *http.ServeMux) {
	mux.HandleFunc("GET /_sim/webhooks", s.showWebhooks)
	mux.HandleFunc("POST /_sim/webhooks", s.planWebhooks)
	mux.HandleFunc("DELETE /_sim/webhooks", func(w http.ResponseWriter, _ *http.Request) {
		s.Courier.SetPlan(hook.DeliveryPlan{})
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /_sim/webhooks/deliver", s.changing(deliverNow))
}

func (s *Controls) showWebhooks(w http.ResponseWriter, r *http.Request) {
	t, err := s.Store.Begin(r.Context(), false)
	if err != nil {
		Fail(w, http.StatusInternalServerError, err)
		return
	}
	defer t.Rollback()
	status, err := s.webhooks(t)
	if err != nil {
		Fail(w, http.StatusInternalServerError, err)
		return
	}
	respond(w, http.StatusOK, status)
}

func (s *Controls) webhooks(t *state.Tx) (status hook.Status, err error) {
	status = s.Courier.Status()
	status.Pending, err = hook.PendingDeliveries(t)
	return status, err
}

// planWebhooks changes the parts of the plan that the request mentions.
func (s *Controls) planWebhooks(w http.ResponseWriter, r *http.Request) {
	plan := s.Courier.Status().DeliveryPlan
	err := readControl(r, &plan)
	if err == nil && min(plan.Duplicate, plan.Drop, plan.Fail) < 0 {
		err = errors.New("duplicate, drop and fail cannot be negative")
	}
	if err != nil {
		Fail(w, http.StatusBadRequest, err)
		return
	}
	s.Courier.SetPlan(plan)
	s.showWebhooks(w, r)
}

// deliverNow sends an event once more, or lets everything that waits for its next
// attempt go at once.
func deliverNow(c *state.Request) (any, error) {
	var in struct{ Event string }
	if err := readControl(c.HTTP, &in); err != nil {
		return nil, apierror.Invalid("", "%s", err.Error())
	}
	if err := hook.Redeliver(c.Tx, in.Event); err != nil {
		return nil, err
	}
	pending, err := hook.PendingDeliveries(c.Tx)
	return map[string]int{"pending": pending}, err
}
