package stripesync

import "github.com/stripe/stripe-go/v76"

// paying is the input of an operation that charges a payment method.
type paying interface {
	ofCustomer
	paymentMethod() string
}

// attachPaymentMethodStep makes a payment method the customer's, which is what
// Stripe needs before it charges it.
func attachPaymentMethodStep[P paying]() Step[P] {
	return Step[P]{
		Name: "attach_payment_method", Do: attachPaymentMethod[P], Compensate: detachPaymentMethod[P],
	}
}

// attachPaymentMethod makes sure that the payment method is the customer's. It
// looks first, so that undoing it never takes away what was there before. Once
// it has asked to attach it, it is this operation that did.
// Stripe's test payment methods, such as pm_card_visa, become new ones.
func attachPaymentMethod[P paying](c *Call[P]) (Result, error) {
	customer, err := customerInStripe(c)
	if err != nil {
		return nil, err
	}
	mine, err := c.Sent()
	if err != nil {
		return nil, err
	}
	name := c.Params.paymentMethod()
	method, err := c.Stripe.PaymentMethods.Get(name, &stripe.PaymentMethodParams{Params: c.Read()})
	if err != nil {
		return nil, err
	}
	if method.Customer != nil && method.Customer.ID == customer {
		result := Result{"payment_method": method.ID}
		if mine {
			result["attached"] = "true"
		}
		return result, nil
	}
	method, err = c.Stripe.PaymentMethods.Attach(name, &stripe.PaymentMethodAttachParams{
		Params: c.Write(), Customer: stripe.String(customer),
	})
	if err != nil {
		return nil, err
	}
	return Result{"payment_method": method.ID, "attached": "true"}, nil
}

func detachPaymentMethod[P paying](c *Call[P]) (Result, error) {
	if c.Result("attach_payment_method", "attached") == "" {
		return nil, nil
	}
	_, err := c.Stripe.PaymentMethods.Detach(c.Result("attach_payment_method", "payment_method"),
		&stripe.PaymentMethodDetachParams{Params: c.Write()})
	if gone(err) {
		err = nil
	}
	return nil, err
}
