package subscriptions

import (
	"encoding/json"

	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/billing"
	"tallystick/internal/customers"
	"tallystick/internal/mirror"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesync"
)

// report is what a step has seen of a subscription and of an invoice. It is
// kept with the step, also of one that was refused.
type report struct {
	Subscription text[mirror.Subscription] `json:"subscription,omitzero"`
	Invoice      text[mirror.Invoice]      `json:"invoice,omitzero"`
}

// text writes a value as one text in JSON.
type text[T any] struct{ value *T }

// MarshalText implements [encoding.TextMarshaler].
func (t text[T]) MarshalText() ([]byte, error) { return json.Marshal(t.value) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *text[T]) UnmarshalText(b []byte) error { return json.Unmarshal(b, &t.value) }

func reportOf(s *mirror.Subscription) report {
	return report{Subscription: text[mirror.Subscription]{s}}
}

// ask reads a subscription, with its latest invoice.
func ask[P any](c *stripesync.Call[P], stripeID string) (*mirror.Subscription, error) {
	asOf := c.Now()
	params := &stripe.SubscriptionParams{Params: c.Read()}
	params.AddExpand("latest_invoice")
	s, err := c.Stripe.Subscriptions.Get(stripeID, params)
	if err != nil {
		return nil, err
	}
	return mirror.ReadSubscription(s, asOf)
}

// look finds a change of a subscription when that is as wanted already. Another key must
// not be used before: Stripe would refuse what it has done, or do it twice.
func look[P onSubscription](c *stripesync.Call[P], holds func(*mirror.Subscription) bool) (report, bool, error) {
	now, err := ask(c, c.Params.subscription().StripeID)
	if stripeapi.IsGone(err) {
		return report{}, false, nil
	}
	if err != nil {
		return report{}, false, err
	}
	return reportOf(now), holds(now), nil
}

// changeUnlessEnded sends a change of a subscription that Stripe may have ended
// without us knowing. After a refusal it reads the subscription. When that has ended,
// or Stripe does not have it any more, ended is true and there is no error. A
// rejection otherwise comes with what holds.
func changeUnlessEnded[P onSubscription](c *stripesync.Call[P], send func() (*stripe.Subscription, error)) (now *mirror.Subscription, ended bool, err error) {
	stripeID := c.Params.subscription().StripeID
	answer, err := send()
	var response *stripe.APIResponse
	var read *mirror.Subscription
	if err == nil {
		response = answer.LastResponse
		if read, err = mirror.ReadSubscription(answer, c.SentAt); err != nil {
			return nil, false, err
		}
	}
	now, rejection, err := mirror.OrReread(read, response, err, func() (*mirror.Subscription, error) { return ask(c, stripeID) })
	switch {
	case stripeapi.IsGone(err): // Stripe does not have it any more
		row, err := c.Store.Reader.Subscription.Get(c, c.Params.subscription().SubscriptionID)
		if err != nil {
			return nil, false, err
		}
		return mirror.Ended(row, c.Now()), true, nil
	case err != nil:
		return nil, false, err
	case rejection == nil:
		return now, false, nil
	case now.Status.Ended():
		return now, true, nil
	}
	return now, false, rejection
}

// contradicted is for a rejection that contradicts what is known here. A customer
// that Stripe has deleted is unlinked, and link comes first; the prices that
// Stripe does not have, or does not sell, are read anew.
func contradicted[P customers.Owned](c *stripesync.Call[P], link stripesync.StepOf[P], customer string, prices []string, rejection error) error {
	if err := customers.Relink(c, link, customer, rejection); err != rejection { //nolint:errorlint // it is returned as it is when the customer is not to blame
		return err
	}
	return refreshPrices(c, prices, rejection)
}

// refreshPrices reads prices anew that Stripe does not have, or does not sell, as
// the rejection of a request says. The rejection is returned as it is.
func refreshPrices[P any](c *stripesync.Call[P], prices []string, rejection error) error {
	if !stripeapi.IsMissing(rejection, "price") && !stripeapi.IsInactivePrice(rejection) {
		return rejection
	}
	for _, id := range prices {
		if err := c.Refresh("price", id); err != nil {
			return err
		}
	}
	return rejection
}

// spendKey uses the idempotency key of a change up, so that a request of it that
// is still on its way does nothing.
func spendKey[P customers.Owned](c *stripesync.Call[P]) error {
	return customers.SpendKey(c, customers.Linked{})
}

// endedInStripe is the rejection of a change of a subscription that has ended
// in Stripe.
func endedInStripe(s *mirror.Subscription) error {
	return billing.Errorf(billing.CodeSubscriptionEnded, "The subscription has ended in Stripe: it is %s.", s.Status)
}
