package resolvers_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"tallystick/ent"
	"tallystick/internal/billing"
	"tallystick/internal/store"
	"tallystick/internal/testkit"
)

type object = map[string]any

// world is a database with n objects of each kind, a minute apart, the last
// ones the newest. Each customer has two subscriptions to the same product's
// price, and each subscription an invoice.
type world struct {
	products, prices, customers, subscriptions, invoices, operations []string
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC)

func at(i int) time.Time { return epoch.Add(time.Duration(i) * time.Minute) }

// seed writes straight to the database.
func seed(t testing.TB, k *testkit.Kit, n int) world {
	t.Helper()
	var w world
	err := k.Store.InTx(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		w = world{}
		for i := range n {
			if err := w.add(ctx, tx, i); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) add(ctx context.Context, tx *store.Tx, i int) error {
	number := fmt.Sprintf("%03d", i)
	product, price, customer := billing.NewID("pdt"), billing.NewID("prc"), billing.NewID("cst")
	w.products, w.prices, w.customers = append(w.products, product), append(w.prices, price), append(w.customers, customer)
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	productOp, customerOp := w.operation(tx, i, "UPDATE_PRODUCT", product), w.operation(tx, i, "UPDATE_CUSTOMER", customer)
	add(tx.Product.Create().SetID(product).SetName("Product " + number).SetActive(i%2 == 0).SetCreatedAt(at(i)).SetUpdatedAt(at(i)).
		SetStripeID("prod_" + number).SetStripeStatus(billing.SyncPending).SetStripeOperationID(productOp.id).Exec(ctx))
	for j, status := range []billing.PriceStatus{billing.PriceActive, billing.PriceArchived, billing.PricePending} {
		id := price
		if j > 0 {
			id = billing.NewID("prc")
		}
		add(tx.Price.Create().SetID(id).SetProductID(product).SetUnitAmount(int64(100*i + j + 1)).SetCurrency("USD").SetStatus(status).
			SetInterval(billing.IntervalMonth).SetIntervalCount(1).SetCreatedAt(at(i).Add(time.Duration(j) * time.Second)).
			SetStripeID(fmt.Sprintf("price_%s_%d", number, j)).SetStripeStatus(billing.SyncSynced).Exec(ctx))
	}
	add(tx.Product.UpdateOneID(product).SetDefaultPriceID(price).SetUpdatedAt(at(i)).Exec(ctx))
	add(tx.Customer.Create().SetID(customer).SetEmail("c" + number + "@example.com").SetName("Customer " + number).SetCreatedAt(at(i)).
		SetUpdatedAt(at(i)).SetStripeStatus(billing.SyncPending).SetStripeOperationID(customerOp.id).Exec(ctx))
	for j, status := range []billing.SubscriptionStatus{billing.SubscriptionActive, billing.SubscriptionPastDue} {
		add(w.subscription(ctx, tx, 2*i+j, status, customer, product, price))
	}
	for _, op := range []seededOperation{productOp, customerOp} {
		add(op.create.Exec(ctx))
		calls := []string{billing.NewID("scl"), billing.NewID("scl")}
		slices.Sort(calls) // they may be of one microsecond
		first, second := calls[0], calls[1]
		add(tx.StripeCall.Create().SetID(second).SetOperationID(op.id).SetMethod("POST").SetPath("/v1/second").SetAt(at(2)).Exec(ctx))
		add(tx.StripeCall.Create().SetID(first).SetOperationID(op.id).SetMethod("POST").SetPath("/v1/first").SetAt(at(1)).SetStatus(200).Exec(ctx))
	}
	i0 := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i0 < 0 {
		return nil
	}
	return errs[i0]
}

type seededOperation struct {
	id     string
	create *ent.OperationCreate
}

func (w *world) operation(tx *store.Tx, i int, kind billing.OperationKind, subject string) seededOperation {
	id := billing.NewID("opn")
	w.operations = append(w.operations, id)
	return seededOperation{id, tx.Operation.Create().SetID(id).SetKind(kind).SetSubjectID(subject).SetScopeID(subject).SetPosition(1).
		SetParams([]byte("{}")).SetSteps([]billing.OperationStep{{Name: "step", Status: billing.StepTodo}}).
		SetCreatedAt(at(len(w.operations))).SetUpdatedAt(at(i))}
}

func (w *world) subscription(ctx context.Context, tx *store.Tx, i int, status billing.SubscriptionStatus, customer, product, price string) error {
	id, invoice := billing.NewID("sbn"), billing.NewID("ivc")
	w.subscriptions, w.invoices = append(w.subscriptions, id), append(w.invoices, invoice)
	create := tx.Subscription.Create().SetID(id).SetCustomerID(customer).SetProductID(product).SetPriceID(price).
		SetOnlyProductID(product).SetOnlyPriceID(price).SetStatus(status).
		SetCreatedAt(at(i)).SetUpdatedAt(at(i)).SetStripeID("sub_" + id)
	create.SetCurrentPeriodEnd(at(100 - i%3)) // some are equal
	if err := create.Exec(ctx); err != nil {
		return err
	}
	statuses := []billing.InvoiceStatus{billing.InvoicePaid, billing.InvoiceOpen}
	if err := tx.Invoice.Create().SetID(invoice).SetCustomerID(customer).SetSubscriptionID(id).SetStatus(statuses[i%2]).SetCurrency("USD").
		SetTotal(100).SetAmountDue(100).SetAmountPaid(60).SetAmountRemaining(40).SetCreatedAt(at(i)).SetUpdatedAt(at(i)).Exec(ctx); err != nil {
		return err
	}
	if err := tx.Subscription.UpdateOneID(id).SetLatestInvoiceID(invoice).SetUpdatedAt(at(i)).Exec(ctx); err != nil {
		return err
	}
	transitions := []string{billing.NewID("stn"), billing.NewID("stn")}
	slices.Sort(transitions)                                                                               // they may be of one microsecond
	for j, cause := range []billing.SubscriptionEvent{billing.EventPaymentFailed, billing.EventActivate} { // the later one first
		if err := tx.SubscriptionTransition.Create().SetID(transitions[1-j]).SetSubscriptionID(id).SetTo(status).SetCause(cause).SetAt(at(10 - j)).Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ids are those of a connection's nodes.
func ids(connection testkit.Answer) []string {
	var all []string
	for _, edge := range connection.List("edges") {
		all = append(all, edge.String("node.id"))
	}
	return all
}

// newest are the last n of a list, the last one first.
func newest(list []string, n int) []string {
	reversed := slices.Clone(list)
	slices.Reverse(reversed)
	return reversed[:n]
}

// badInput asserts that a document is answered with BAD_USER_INPUT.
func badInput(t testing.TB, k *testkit.Kit, document string, variables ...object) {
	t.Helper()
	answer := k.Send(t, document, variables...)
	if !answer.Has("errors.0") {
		t.Errorf("no error: %.300s", answer.Raw())
		return
	}
	if got := answer.String("errors.0.extensions.code"); got != "BAD_USER_INPUT" {
		t.Errorf("code %s: %.300s", got, answer.Raw())
	}
}
