package stripesim

import (
	"errors"
	"net/http"
)

// routeWebhookControl adds the controls of the webhook deliveries.
func (s *Sandbox) routeWebhookControl() {
	s.mux.HandleFunc("GET /_sim/webhooks", s.showWebhooks)
	s.mux.HandleFunc("POST /_sim/webhooks", s.planWebhooks)
	s.mux.HandleFunc("DELETE /_sim/webhooks", func(w http.ResponseWriter, _ *http.Request) {
		s.courier.setPlan(deliveryPlan{})
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("POST /_sim/webhooks/deliver", s.changing(deliverNow))
}

// webhookStatus is the plan for deliveries with what has become of them.
type webhookStatus struct {
	deliveryPlan
	deliveryTotals
	Pending  int `json:"pending"` // not confirmed yet, those under way included
	UnderWay int `json:"underWay"`
}

func (s *Sandbox) showWebhooks(w http.ResponseWriter, r *http.Request) {
	t, err := s.store.begin(r.Context(), false)
	if err != nil {
		controlError(w, http.StatusInternalServerError, err)
		return
	}
	defer t.Rollback()
	status := s.courier.status()
	if status.Pending, err = t.pendingDeliveries(); err != nil {
		controlError(w, http.StatusInternalServerError, err)
		return
	}
	respond(w, http.StatusOK, status)
}

// planWebhooks changes the parts of the plan that the request mentions.
func (s *Sandbox) planWebhooks(w http.ResponseWriter, r *http.Request) {
	plan := s.courier.status().deliveryPlan
	err := readControl(r, &plan)
	if err == nil && min(plan.Duplicate, plan.Drop, plan.Fail) < 0 {
		err = errors.New("duplicate, drop and fail cannot be negative")
	}
	if err != nil {
		controlError(w, http.StatusBadRequest, err)
		return
	}
	s.courier.setPlan(plan)
	s.showWebhooks(w, r)
}

// deliverNow sends an event once more, or lets everything that waits for its next attempt go at once.
func deliverNow(c *call) (any, error) {
	var in struct{ Event string }
	if err := readControl(c.http, &in); err != nil {
		return nil, invalid("", "%s", err.Error())
	}
	if err := c.redeliver(in.Event); err != nil {
		return nil, err
	}
	pending, err := c.pendingDeliveries()
	return map[string]int{"pending": pending}, err
}

func (c *courier) status() webhookStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return webhookStatus{deliveryPlan: c.plan, deliveryTotals: c.totals, UnderWay: len(c.underWay)}
}

func (c *courier) setPlan(plan deliveryPlan) {
	c.mu.Lock()
	c.plan = plan
	c.mu.Unlock()
	c.rouse()
}
