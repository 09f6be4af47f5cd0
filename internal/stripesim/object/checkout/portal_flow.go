package checkout

import (
	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/subscription"
	"tallystick/internal/stripesim/state"
)

// What a flow is for. Stripe also has two to change a plan by, for which the sandbox's
// portal has no page.
const (
	FlowMethod = "payment_method_update"
	FlowCancel = "subscription_cancel"
)

// What comes after a flow.
const (
	AfterHomepage     = "portal_homepage"
	AfterConfirmation = "hosted_confirmation"
	AfterRedirect     = "redirect"
)

// PortalFlow leads a customer straight to one thing, and back.
type PortalFlow struct {
	AfterCompletion           afterFlow   `json:"after_completion"`
	SubscriptionCancel        *flowCancel `json:"subscription_cancel"`
	SubscriptionUpdate        *struct{}   `json:"subscription_update"`
	SubscriptionUpdateConfirm *struct{}   `json:"subscription_update_confirm"`
	Type                      string      `json:"type"`
}

type afterFlow struct {
	HostedConfirmation *flowConfirmation `json:"hosted_confirmation"`
	Redirect           *flowRedirect     `json:"redirect"`
	Type               string            `json:"type"`
}

type flowConfirmation struct {
	CustomMessage *string `json:"custom_message"`
}

type flowRedirect struct {
	ReturnURL string `json:"return_url"`
}

type flowCancel struct {
	Retention    *struct{} `json:"retention"`
	Subscription string    `json:"subscription"`
}

// flowUnmodelled are Stripe's parameters of a flow that the sandbox leaves out.
var flowUnmodelled = []string{"flow_data[subscription_update]", "flow_data[subscription_update_confirm]", "flow_data[subscription_cancel][retention]"}

// readFlow reads the flow of a portal session; nil when the customer is to see everything.
func readFlow(p *form.Params) *PortalFlow {
	data := p.Object("flow_data")
	if data == nil {
		return nil
	}
	flow := &PortalFlow{AfterCompletion: afterFlow{Type: AfterHomepage}}
	switch kind := data.Choice("type", FlowMethod, FlowCancel, "subscription_update", "subscription_update_confirm"); {
	case kind == nil:
		data.Missing("type")
	case *kind != FlowMethod && *kind != FlowCancel:
		p.Fail(apierror.Invalid(data.Name("type"), "The sandbox's portal has no page for the flow `%s`", *kind))
	default:
		flow.Type = *kind
	}
	if cancel := data.Object(FlowCancel); cancel != nil {
		flow.SubscriptionCancel = &flowCancel{Subscription: cancel.Required("subscription", form.MaxText)}
	} else if flow.Type == FlowCancel {
		data.Missing(FlowCancel)
	}
	if after := data.Object("after_completion"); after != nil {
		flow.AfterCompletion = readAfterFlow(after)
	}
	return flow
}

func readAfterFlow(p *form.Params) (x afterFlow) {
	if kind := p.Choice("type", AfterConfirmation, AfterHomepage, AfterRedirect); kind != nil {
		x.Type = *kind
	} else {
		p.Missing("type")
	}
	if confirmation := p.Object(AfterConfirmation); confirmation != nil {
		x.HostedConfirmation = &flowConfirmation{CustomMessage: confirmation.Text("custom_message", 500)}
	}
	if redirect := p.Object(AfterRedirect); redirect != nil {
		x.Redirect = &flowRedirect{ReturnURL: redirect.Required("return_url", 5000)}
		checkURL(redirect, "return_url", &x.Redirect.ReturnURL)
	} else if x.Type == AfterRedirect {
		p.Missing(AfterRedirect)
	}
	return x
}

// check refuses a flow that the customer could not go through.
func (x *PortalFlow) check(t *state.Tx, customerID string) error {
	if x.Type != FlowCancel {
		return nil
	}
	const param = "flow_data[subscription_cancel][subscription]"
	id := x.SubscriptionCancel.Subscription
	sub, err := state.Find[subscription.Subscription](t, "subscription", id, apierror.UnknownReference("subscription", id, param))
	switch {
	case err != nil:
		return err
	case sub.Customer != customerID:
		return apierror.Invalid(param, "The subscription `%s` does not belong to the customer `%s`.", id, customerID)
	case sub.Ended() || sub.CancelAt != nil:
		return apierror.Invalid(param, "The subscription `%s` is already canceled, or set to cancel.", id)
	}
	return nil
}
