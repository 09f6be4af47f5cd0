package mirror

import (
	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/stripeapi"
)

// OrReread returns the state of an object after a request that changes it. It is the
// answer, unless Stripe replayed that or rejected the request: both may contradict
// the present state, so OrReread asks for it. A rejection comes with that state;
// failure is every other error, of the request or of asking. A refusal to tell is
// [stripeapi.Untold]: it is none of the change.
func OrReread[T any](answer T, response *stripe.APIResponse, err error, ask func() (T, error)) (now T, rejection, failure error) {
	switch {
	case err == nil && !stripeapi.Replayed(response):
		return answer, nil, nil
	case err == nil:
		now, err = ask()
		return now, nil, stripeapi.Untold(err)
	case !stripeapi.IsRejection(err):
		return now, nil, err
	}
	now, failure = ask()
	return now, err, stripeapi.Untold(failure)
}
