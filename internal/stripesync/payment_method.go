package stripesync

import "github.com/stripe/stripe-go/v76"

// paying is the input of an operation that charges a payment method.
type paying interface {
	ofCustomer
	paymentMethod() string
}

// attachPaymentMethodStep makes a payment method the customer's, which is what
// Stripe needs before it charges it. A method that was then refused stays the
// customer's: Stripe never lets one be attached again that was detached, so
// that taking it away would make the card useless for the next try.
func attachPaymentMethodStep[P paying]() Step[P] {
	return Step[P]{Name: "attach_payment_method", Do: attachPaymentMethod[P], Keep: true}
}

// attachPaymentMethod makes sure that the payment method is the customer's.
// Stripe's test payment methods, such as pm_card_visa, become new ones.
func attachPaymentMethod[P paying](c *Call[P]) (Result, error) {
	customer, err := customerInStripe(c)
	if err != nil {
		return nil, err
	}
	name := c.Params.paymentMethod()
	method, err := c.Stripe.PaymentMethods.Get(name, &stripe.PaymentMethodParams{Params: c.Read()})
	if err != nil {
		return nil, err
	}
	if method.Customer == nil || method.Customer.ID != customer {
		method, err = c.Stripe.PaymentMethods.Attach(name, &stripe.PaymentMethodAttachParams{
			Params: c.Write(), Customer: stripe.String(customer),
		})
		if err != nil {
			return nil, err
		}
	}
	return Result{"payment_method": method.ID}, nil
}
