// Package hook brings events to webhook endpoints, signed, at least once and in no
// certain order.
package hook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/state"
)

// Status is the plan for deliveries with what has become of them.
type Status struct {
	DeliveryPlan
	deliveryTotals
	Pending  int `json:"pending"` // not confirmed yet, those under way included
	UnderWay int `json:"underWay"`
}

// Status is the plan and the counts; what is pending only the queue knows.
func (c *Courier) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Status{DeliveryPlan: c.plan, deliveryTotals: c.totals, UnderWay: len(c.underWay)}
}

// SetPlan changes what is to go wrong with deliveries.
func (c *Courier) SetPlan(plan DeliveryPlan) {
	c.mu.Lock()
	c.plan = plan
	c.mu.Unlock()
	c.Rouse()
}

const (
	// couriers is how many deliveries are under way at once. They overtake each other, as
	// Stripe's do.
	couriers        = 8
	deliveryTimeout = 20 * time.Second
)

// Courier brings queued events to their endpoints, beside the API and never in its way.
// It holds no transaction while an endpoint takes its time, and what it forgets in a
// crash is still in the queue.
type Courier struct {
	store *state.Store
	now   func() int64     // the sandbox's time, which deliveries are due by
	wall  func() time.Time // the real one, which signatures are dated by: who checks them has no other
	log   *slog.Logger
	http  *http.Client

	wake chan struct{} // has room for one: more than awake it cannot be
	Done chan struct{}

	mu         sync.Mutex
	configured bool // the address of the configured endpoint is known
	underWay   map[int64]bool
	plan       DeliveryPlan
	totals     deliveryTotals
}

// DeliveryPlan is what is to go wrong with deliveries.
type DeliveryPlan struct {
	Paused    bool `json:"paused"`
	Shuffle   bool `json:"shuffle"`
	Duplicate int  `json:"duplicate"` // how many times more each delivery comes, all at once
	Drop      int  `json:"drop"`      // how many of the next deliveries are lost for good
	Fail      int  `json:"fail"`      // how many of the next attempts break off on the way, to be tried again
}

// deliveryTotals count what became of deliveries since the sandbox was opened.
type deliveryTotals struct {
	Delivered int `json:"delivered"`
	Failed    int `json:"failed"` // attempts
	Dropped   int `json:"dropped"`
	GivenUp   int `json:"givenUp"`
}

// NewCourier makes a courier that works once Run is called.
func NewCourier(s *state.Store, now func() int64, wall func() time.Time, log *slog.Logger) *Courier {
	return &Courier{
		store: s, now: now, wall: wall, log: log,
		http: &http.Client{Timeout: deliveryTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a redirect is not a 2xx
		}, Transport: &http.Transport{MaxIdleConnsPerHost: couriers, IdleConnTimeout: time.Minute}},
		wake: make(chan struct{}, 1), Done: make(chan struct{}), underWay: map[int64]bool{},
	}
}

// Rouse lets the courier look at its queue.
func (c *Courier) Rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// SetConfigured says whether the address of the configured endpoint is known.
func (c *Courier) SetConfigured(known bool) {
	c.mu.Lock()
	c.configured = known
	c.mu.Unlock()
	c.Rouse()
}

// Run works until the context ends, and returns once nothing is under way any more.
func (c *Courier) Run(ctx context.Context) {
	defer close(c.Done)
	defer c.http.CloseIdleConnections()
	var deliveries sync.WaitGroup
	defer deliveries.Wait()
	for ctx.Err() == nil {
		due, wait, err := c.claim(ctx)
		if err != nil && ctx.Err() == nil {
			c.log.Error("the sandbox cannot read its webhook queue", "error", err)
		}
		for _, d := range due {
			deliveries.Go(func() {
				c.deliver(ctx, d)
				c.Rouse()
			})
		}
		timer := time.NewTimer(wait)
		select {
		case <-c.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// claim takes as many due deliveries as there are hands free, and says how long to wait
// for the next one.
func (c *Courier) claim(ctx context.Context) ([]delivery, time.Duration, error) {
	wait := time.Minute
	c.mu.Lock()
	defer c.mu.Unlock()
	free := couriers - len(c.underWay)
	if c.plan.Paused || free == 0 {
		return nil, wait, nil
	}
	t, err := c.store.Begin(ctx, false)
	if err != nil {
		return nil, wait, err
	}
	defer t.Rollback()
	now := c.now()
	candidates, err := dueDeliveries(t, now, c.configured, c.plan.Shuffle, 2*couriers)
	if err != nil {
		return nil, wait, err
	}
	var claimed []delivery
	for _, d := range candidates {
		if len(claimed) < free && !c.underWay[d.id] {
			c.underWay[d.id] = true
			claimed = append(claimed, d)
		}
	}
	next, err := nextDelivery(t, now)
	if next > 0 {
		wait = min(wait, time.Duration(next-now)*time.Second)
	}
	return claimed, wait, err
}

// deliver makes one attempt and records what came of it.
func (c *Courier) deliver(ctx context.Context, d delivery) {
	defer func() {
		c.mu.Lock()
		delete(c.underWay, d.id)
		c.mu.Unlock()
	}()
	fate, copies := c.fate()
	var failure error
	switch fate {
	case fateArrives:
		failure = c.postCopies(ctx, d, copies)
	case fateFails:
		failure = fmt.Errorf("the sandbox was told to let this attempt fail")
	case fateLost:
	}
	if ctx.Err() != nil {
		return // the sandbox closes; the queue still has it
	}
	if err := c.settle(ctx, d, fate, failure); err != nil && ctx.Err() == nil {
		c.log.Error("the sandbox cannot record a webhook delivery", "event", d.event, "error", err)
	}
}

// The fates of a delivery, as the plan deals them out.
const (
	fateArrives = iota
	fateFails
	fateLost
)

func (c *Courier) fate() (fate, copies int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.plan.Drop > 0:
		c.plan.Drop--
		return fateLost, 0
	case c.plan.Fail > 0:
		c.plan.Fail--
		return fateFails, 0
	}
	return fateArrives, 1 + c.plan.Duplicate
}

// postCopies posts an event as often as asked, all at the same time. It has arrived
// when the first copy has.
func (c *Courier) postCopies(ctx context.Context, d delivery, copies int) error {
	body, err := c.body(ctx, d.event)
	if err != nil {
		return err
	}
	outcomes := make([]error, copies)
	var posts sync.WaitGroup
	for i := range outcomes {
		posts.Go(func() { outcomes[i] = c.post(ctx, d, body) })
	}
	posts.Wait()
	return outcomes[0]
}

func (c *Courier) body(ctx context.Context, event string) ([]byte, error) {
	t, err := c.store.Begin(ctx, false)
	if err != nil {
		return nil, err
	}
	defer t.Rollback()
	return eventBody(t, event)
}

// post makes the request. Only a 2xx is a yes.
func (c *Courier) post(ctx context.Context, d delivery, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	req.Header.Set("Stripe-Signature", sign(body, d.secret, c.wall().Unix()))
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, form.MaxBody)) // read, so that the connection can be used again
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return fmt.Errorf("the endpoint answered %d", res.StatusCode)
	}
	return nil
}

// sign is the Stripe-Signature header of a body that is sent at a moment.
func sign(body []byte, secret string, at int64) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at, body)
	return fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil)))
}

// settle takes the delivery out of the queue, or plans its next attempt.
func (c *Courier) settle(ctx context.Context, d delivery, fate int, failure error) error {
	t, err := c.store.Begin(ctx, true)
	if err != nil {
		return err
	}
	defer t.Rollback()
	again := false
	if failure != nil {
		c.log.Debug("webhook attempt failed", "event", d.event, "attempts", d.attempts+1, "error", failure)
		again, err = postpone(t, d, c.now())
	} else {
		err = settleDelivery(t, d)
	}
	if err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case fate == fateLost:
		c.totals.Dropped++
	case failure == nil:
		c.totals.Delivered++
	default:
		c.totals.Failed++
		if !again {
			c.totals.GivenUp++
		}
	}
	return nil
}
