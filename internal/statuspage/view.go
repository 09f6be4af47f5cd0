package statuspage

import (
	"context"
	"fmt"
	"time"

	"tallystick/ent"
	"tallystick/ent/difference"
	"tallystick/ent/operation"
	"tallystick/ent/stripecall"
	"tallystick/ent/webhookevent"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
)

// rows is how many of a kind are shown: enough to see what is going on.
const rows = 20

// view is what the page shows; without a health it asks for a key.
type view struct {
	Problem string
	Acted   *ent.Operation // what the form before was about
	Token   string         // proves that a form comes from this page
	Once    string         // makes sending a form twice harmless

	Now         time.Time
	Who         string
	MayWrite    bool
	Health      *billing.Health
	Status      billing.HealthStatus
	Stripe      string // what Stripe's health means
	Attention   []*ent.Operation
	Waiting     []*ent.Operation
	Differences []*ent.Difference
	Events      []*ent.WebhookEvent
}

func (p *page) read(ctx context.Context) (v view, err error) {
	who, _ := auth.From(ctx)
	v = view{Now: p.Store.Now().UTC(), Who: who.Label, MayWrite: who.Has(auth.WriteOperations)}
	// The health counts objects of every kind, and shows none.
	if v.Health, err = p.Health.Read(auth.Trusted(ctx)); err != nil {
		return v, err
	}
	v.Status, v.Stripe = v.Health.Status(), meaning(v.Health.Stripe)

	reader := p.Store.Reader
	operations := func() *ent.OperationQuery {
		return reader.Operation.Query().Order(operation.ByCreatedAt(), operation.ByID()).Limit(rows).
			WithStripeCalls(func(q *ent.StripeCallQuery) { q.Order(stripecall.ByAt(), stripecall.ByID()) })
	}
	if v.Attention, err = operations().Where(operation.StatusEQ(billing.OperationNeedsAttention)).All(ctx); err != nil {
		return v, err
	}
	if v.Waiting, err = operations().Where(
		operation.FinishedAtIsNil(), operation.StatusNEQ(billing.OperationNeedsAttention),
	).All(ctx); err != nil {
		return v, err
	}
	if v.Differences, err = reader.Difference.Query().Where(difference.RepairedAtIsNil()).
		Order(ent.Desc(difference.FieldID)).Limit(rows).All(ctx); err != nil {
		return v, err
	}
	v.Events, err = reader.WebhookEvent.Query().Order(ent.Desc(webhookevent.FieldID)).Limit(rows).All(ctx)
	return v, err
}

// meaning says what Stripe's health means for the person on call.
func meaning(h billing.StripeHealth) string {
	switch h {
	case billing.StripeOK:
		return "answers."
	case billing.StripeSandbox:
		return "is the built-in sandbox here."
	case billing.StripeUnreachable:
		return "does not answer. Changes wait, and go on by themselves once it does."
	case billing.StripeInvalidKey:
		return "refuses our secret key. Changes wait until STRIPE_SECRET_KEY is one that it accepts."
	case billing.StripeRateLimited:
		return "asks us to be slower. Changes wait their turn."
	case billing.StripeForbidden:
		return "does not let our key do something. What needs that waits until the key may."
	case billing.StripeWrongAccount:
		return "says that our key is of another account than this database. Nothing is sent until that is put right."
	}
	return "answers in a way that is not known: " + string(h) + "."
}

// Outcome says how an operation stands for the one who has done something about it.
func (view) Outcome(op *ent.Operation) string {
	switch {
	case op.Status == billing.OperationSucceeded:
		return "The change is made, here and in Stripe."
	case op.Status.Finished():
		return "The operation is over, and both halves are equal."
	case op.Status == billing.OperationNeedsAttention:
		return "The operation still needs attention."
	}
	return "The operation is under way."
}

// Ago says how long ago a time was.
func (v view) Ago(t time.Time) string { return span(v.Now.Sub(t)) + " ago" }

// When says when a time was or will be.
func (v view) When(t *time.Time) string {
	switch {
	case t == nil:
		return "never"
	case t.After(v.Now):
		return "in " + span(t.Sub(v.Now))
	}
	return v.Ago(*t)
}

// Or is a text that may be missing.
func (view) Or(text *string) string { return billing.ValueOr(text, "nothing") }

// Call says how a request to Stripe ended.
func (view) Call(c *ent.StripeCall) string {
	switch {
	case c.Status == nil:
		return "no answer"
	case c.ErrorCode != nil:
		return fmt.Sprintf("%d %s", *c.Status, *c.ErrorCode)
	}
	return fmt.Sprint(*c.Status)
}

func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
