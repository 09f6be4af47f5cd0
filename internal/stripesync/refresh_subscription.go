package stripesync

import (
	"context"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/ent"
	"tallystick/ent/invoice"
	"tallystick/ent/price"
	"tallystick/ent/subscription"
	"tallystick/internal/billing"
	"tallystick/internal/store"
)

func (e *Engine) refreshSubscription(ctx context.Context, stripeID string) error {
	was, err := orNil(e.store.Client.Subscription.Query().Where(subscription.StripeID(stripeID)).Only(ctx))
	if err != nil {
		return err
	}
	if was != nil {
		if err := e.busy(ctx, e.store.Client, was.StripeOperationID); err != nil {
			return err
		}
	}
	asOf := e.clock()
	params := &stripe.SubscriptionParams{Params: read(ctx)}
	params.AddExpand("latest_invoice")
	s, err := e.stripe.Subscriptions.Get(stripeID, params)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	snap, err := snapshot(s, asOf)
	if err != nil {
		return err
	}
	priceRow, err := e.subscribedPrice(ctx, s)
	if err != nil {
		return err
	}
	if was == nil {
		return e.createSubscriptionRow(ctx, s, snap, priceRow)
	}
	return e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		row, err := tx.Subscription.Query().Where(subscription.ID(was.ID), store.ForUpdate).Only(ctx)
		if err != nil {
			return err
		}
		if err := (version{was.UpdatedAt}).check(row.UpdatedAt); err != nil {
			return err
		}
		if err := e.busy(ctx, tx.Client, row.StripeOperationID); err != nil {
			return err
		}
		if row.PriceID != priceRow.ID {
			if row, err = tx.Subscription.UpdateOne(row).
				SetPriceID(priceRow.ID).SetProductID(priceRow.ProductID).Save(ctx); err != nil {
				return err
			}
		}
		return changedIfUnique(e.mirrorSubscription(ctx, tx, row, snap, nil))
	})
}

// createSubscriptionRow shows a subscription here that was created in Stripe.
func (e *Engine) createSubscriptionRow(ctx context.Context, s *stripe.Subscription, snap *subscriptionSnapshot, priceRow *ent.Price) error {
	customer, err := e.customerRow(ctx, s.Customer.ID)
	if err != nil {
		return err
	}
	return e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := e.pending(ctx, tx, s.Metadata); err != nil {
			return err
		}
		row, err := tx.Subscription.Create().
			SetCustomerID(customer.ID).
			SetPriceID(priceRow.ID).
			SetProductID(priceRow.ProductID).
			SetStatus(snap.Status).
			SetCollection(billing.CollectionMethod(strings.ToUpper(string(s.CollectionMethod)))).
			SetCreatedAt(time.Unix(s.Created, 0).UTC()).
			Save(ctx)
		if err != nil {
			return err
		}
		return changedIfUnique(e.mirrorSubscription(ctx, tx, row, snap, nil))
	})
}

// subscribedPrice is the row of the price that a subscription is on. One with
// several items is shown by its first.
func (e *Engine) subscribedPrice(ctx context.Context, s *stripe.Subscription) (*ent.Price, error) {
	if s.Items == nil || len(s.Items.Data) == 0 || s.Items.Data[0].Price == nil {
		return nil, unmirrorable("The subscription %s has no price.", s.ID)
	}
	stripeID := s.Items.Data[0].Price.ID
	query := e.store.Client.Price.Query().Where(price.StripeID(stripeID))
	row, err := query.Clone().Only(ctx)
	if !ent.IsNotFound(err) {
		return row, err
	}
	if err := e.refreshPrice(ctx, stripeID); err != nil {
		return nil, err
	}
	return query.Only(ctx)
}

func (e *Engine) refreshInvoice(ctx context.Context, stripeID string) error {
	asOf := e.clock()
	i, err := e.stripe.Invoices.Get(stripeID, &stripe.InvoiceParams{Params: read(ctx)})
	if gone(err) {
		return e.dropInvoice(ctx, stripeID)
	}
	if err != nil {
		return err
	}
	owner, err := e.invoiceOwner(ctx, i)
	if err != nil {
		return err
	}
	return e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := e.mirrorInvoice(ctx, tx, owner, snapshotInvoice(i, asOf))
		return changedIfUnique(err)
	})
}

// invoiceOwner finds out whose invoice it is. One that is known stays where it
// is, even when its customer is no longer in Stripe.
func (e *Engine) invoiceOwner(ctx context.Context, i *stripe.Invoice) (invoiceOwner, error) {
	row, err := orNil(e.store.Client.Invoice.Query().Where(invoice.StripeID(i.ID)).Only(ctx))
	if err != nil {
		return invoiceOwner{}, err
	}
	if row != nil {
		return invoiceOwner{customerID: row.CustomerID, subscriptionID: row.SubscriptionID}, nil
	}
	if i.Customer == nil {
		return invoiceOwner{}, unmirrorable("The invoice %s has no customer.", i.ID)
	}
	customer, err := e.customerRow(ctx, i.Customer.ID)
	if err != nil {
		return invoiceOwner{}, err
	}
	owner := invoiceOwner{customerID: customer.ID}
	if i.Subscription != nil {
		id, err := e.subscriptionRow(ctx, i.Subscription.ID)
		if err != nil {
			return invoiceOwner{}, err
		}
		owner.subscriptionID = &id
	}
	return owner, nil
}

// subscriptionRow is the id of a subscription's row, which is made if it must
// be.
func (e *Engine) subscriptionRow(ctx context.Context, stripeID string) (string, error) {
	query := e.store.Client.Subscription.Query().Where(subscription.StripeID(stripeID))
	id, err := query.Clone().OnlyID(ctx)
	if !ent.IsNotFound(err) {
		return id, err
	}
	if err := e.refreshSubscription(ctx, stripeID); err != nil {
		return "", err
	}
	return query.OnlyID(ctx)
}

// dropInvoice forgets a draft that was deleted in Stripe.
func (e *Engine) dropInvoice(ctx context.Context, stripeID string) error {
	return e.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Invoice.Delete().Where(invoice.StripeID(stripeID), invoice.StatusEQ(billing.InvoiceDraft)).Exec(ctx)
		return err
	})
}
