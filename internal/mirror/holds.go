package mirror

import (
	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/stripeapi"
)

// Holds is what holds in Stripe after a request that changes an object. An
// answer that is new tells it. One that Stripe only repeats tells what held when
// it was first given, and a rejection may contradict what is known here: both
// make it ask again. The rejection comes along with what holds; every other
// error is returned alone.
func Holds[T any](answer T, response *stripe.APIResponse, err error, ask func() (T, error)) (now T, rejection, failure error) {
	switch {
	case err == nil && !stripeapi.Replayed(response):
		return answer, nil, nil
	case err == nil:
		now, err = ask()
		return now, nil, err
	case !stripeapi.IsRejection(err):
		return now, nil, err
	}
	now, failure = ask()
	return now, err, failure
}
