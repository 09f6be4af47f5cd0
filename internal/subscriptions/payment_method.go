package subscriptions

import (
	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/billing"
	"tallystick/internal/customers"
	"tallystick/internal/stripesync"
)

const maxPaymentMethod = 255

func checkPaymentMethod(name *string) error {
	if name == nil {
		return nil
	}
	return billing.At(billing.CheckText("payment method", *name, maxPaymentMethod), "paymentMethod")
}

// paying is the input of an operation that charges a payment method.
type paying interface {
	customers.Owned
	paymentMethod() string
}

// attached is a payment method that is the customer's now.
type attached struct {
	PaymentMethod string `json:"payment_method,omitempty"`
}

// attachStep makes a payment method the customer's, which is what Stripe needs
// before it charges it. A method that was then refused stays the customer's:
// Stripe never lets one be attached again that was detached, so that taking it
// away would make the card useless for the next try. Stripe's test payment
// methods, such as pm_card_visa, become new ones. link is the step that brings
// the customer to Stripe.
func attachStep[P paying](link *stripesync.Step[P, customers.Linked]) *stripesync.Step[P, attached] {
	return &stripesync.Step[P, attached]{
		Name: "attach_payment_method",
		Do: func(c *stripesync.Call[P]) (attached, error) {
			customer, err := customers.InStripe(c, link.Of(c.Op))
			if err != nil {
				return attached{}, err
			}
			name := c.Params.paymentMethod()
			method, err := c.Stripe.PaymentMethods.Get(name, &stripe.PaymentMethodParams{Params: c.Read()})
			if err != nil {
				return attached{}, err
			}
			if method.Customer == nil || method.Customer.ID != customer {
				method, err = c.Stripe.PaymentMethods.Attach(name, &stripe.PaymentMethodAttachParams{
					Params: c.Write(), Customer: stripe.String(customer),
				})
				if err != nil {
					return attached{}, customers.Relink(c, link, customer, err)
				}
			}
			return attached{PaymentMethod: method.ID}, nil
		},
		Keep: true,
	}
}
