package stripesync_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/app"
	"tallystick/internal/billing"
	"tallystick/internal/catalog"
	"tallystick/internal/customers"
	"tallystick/internal/stripesync"
	"tallystick/internal/subscriptions"
	"tallystick/internal/testkit"
)

// oneAtATime fails the test when two requests that change the same object are
// under way together.
type oneAtATime struct {
	t  *testing.T
	mu sync.Mutex
	on map[string]bool
}

func (o *oneAtATime) object(r *http.Request) string {
	if r.Method == http.MethodGet {
		return ""
	}
	return r.URL.Path
}

func (o *oneAtATime) enter(_ int, r *http.Request) testkit.Verdict {
	o.mu.Lock()
	defer o.mu.Unlock()
	if object := o.object(r); object != "" {
		if o.on[object] {
			o.t.Errorf("two requests change %s at once", object)
		}
		o.on[object] = true
	}
	return testkit.Pass
}

func (o *oneAtATime) leave(_ int, r *http.Request) testkit.Verdict {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.on, o.object(r))
	return testkit.Pass
}

func TestOperationsOfAScopeRunInOrderOnReplicas(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		w := testkit.NewWire(t)
		alone := &oneAtATime{t: t, on: map[string]bool{}}
		w.Before(alone.enter)
		w.After(alone.leave)
		replicas := []*app.App{s.Replica(t, w.Lay), s.Replica(t, w.Lay)}
		const changes = 6
		customer := s.customer(t, "ada@example.com", false)
		product := s.product(t, "Team")
		s.settle(t)
		s.Stripe.Forget(t)

		var all sync.WaitGroup
		for i := range changes {
			for r, replica := range replicas {
				all.Go(func() {
					name := fmt.Sprintf("Name %d of replica %d", i, r)
					if _, err := replica.Customers.UpdateCustomer(testkit.Context(t), customers.UpdateCustomer{
						CustomerID: customer, Name: &name,
					}); err != nil {
						t.Errorf("change the customer: %v", err)
					}
				})
			}
		}
		for r, replica := range replicas {
			all.Go(func() {
				if _, err := replica.Catalog.UpdateProductPrice(testkit.Context(t), catalog.UpdateProductPrice{
					ProductID: product.ID, PriceChange: billing.PriceChange{UnitAmount: int64(2000 + r)},
				}); err != nil {
					t.Errorf("change the price: %v", err)
				}
			})
		}
		all.Wait()

		rows, err := s.Store.Reader.Operation.Query().
			Where(operation.ScopeID(customer), operation.KindEQ(billing.KindUpdateCustomer)).
			Order(operation.ByPosition()).All(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		testkit.Equal(t, "changes of the customer", len(rows), 2*changes)
		var asked []string
		for _, r := range s.writes(t) {
			if strings.HasPrefix(r.Path, "/v1/customers/") {
				asked = append(asked, r.IdempotencyKey)
			}
		}
		testkit.Equal(t, "requests", len(asked), 2*changes)
		for i, op := range rows {
			testkit.Equal(t, "status", op.Status, billing.OperationSucceeded)
			if i > 0 && rows[i-1].FinishedAt.After(*op.FinishedAt) {
				t.Errorf("operation %d finished before the one before it", op.Position)
			}
			if i < len(asked) {
				testkit.Equal(t, fmt.Sprintf("request %d", i), asked[i], op.ID+":update_customer")
			}
		}
		row := s.customerRow(t, customer)
		there := s.Stripe.Get(t, "/v1/customers/"+*row.StripeID)
		testkit.Equal(t, "the name in Stripe", text(there["name"]), row.Name)
		testkit.Equal(t, "sync status", row.StripeStatus, billing.SyncSynced)
		s.equalCatalogues(t)
	})
}

// stalled is a process that stands still in the middle of a price change,
// while its lease lapses and another process takes over.
type stalled struct {
	reached chan struct{} // closed when it stands still
	resume  chan struct{} // close it to let it go on
	done    chan struct{} // closed when its command has returned
}

func (s *shop) stall(t *testing.T, replica *app.App, st *stalled, productID string) {
	t.Helper()
	go func() {
		defer close(st.done)
		_, _ = replica.Catalog.UpdateProductPrice(testkit.Context(t), catalog.UpdateProductPrice{ProductID: productID, PriceChange: billing.PriceChange{UnitAmount: 2000}})
	}()
	<-st.reached
}

func newStalled() *stalled {
	return &stalled{reached: make(chan struct{}), resume: make(chan struct{}), done: make(chan struct{})}
}

func (st *stalled) wait() {
	close(st.reached)
	<-st.resume
}

// frozen is everything that an operation can change, here and in Stripe.
func (s *shop) frozen(t *testing.T, productID string) string {
	t.Helper()
	product := s.productRow(t, productID)
	prices, err := product.QueryPrices().All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ops, err := s.Store.Reader.Operation.Query().Where(operation.ScopeID(productID)).All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(product, prices, ops, s.productThere(t, *product.StripeID))
}

func TestProcessThatLostItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	t.Run("it waits for an answer", func(t *testing.T) {
		onBoth(t, func(t *testing.T, s *shop) {
			product := s.product(t, "Team")
			st := newStalled()
			w := testkit.NewWire(t)
			w.Before(func(n int, _ *http.Request) testkit.Verdict {
				if n == 2 {
					st.wait()
				}
				return testkit.Pass
			})
			s.stall(t, s.Replica(t, w.Lay), st, product.ID)
			s.takeOver(t)
			before := s.frozen(t, product.ID)
			close(st.resume)
			<-st.done
			s.Eventually(t, "the stalled process to see its answer", func() bool { return len(w.Seen()) == 2 })
			testkit.Equal(t, "the halves", s.frozen(t, product.ID), before)
			testkit.Equal(t, "requests of the stalled process", len(w.Seen()), 2)
			s.equalProduct(t, product.ID)
			testkit.Equal(t, "amount", s.priceRow(t, *s.productRow(t, product.ID).DefaultPriceID).UnitAmount, 2000)
		})
	})
	// Meanwhile Stripe refuses the change, and it is undone: a late request
	// would bring half of it back.
	t.Run("it is about to ask", func(t *testing.T) {
		onBoth(t, func(t *testing.T, s *shop) {
			product := s.product(t, "Team")
			old := s.priceRow(t, *product.DefaultPriceID)
			st := newStalled()
			w := testkit.NewWire(t)
			busy := setDefaultCall(product, old)
			busy.Kind, busy.Count = "lock_timeout", 1
			s.Stripe.Fail(t, busy)
			replica := s.Replica(t, w.Lay, func(a *app.Settings) {
				a.Engine.Pause = func(context.Context, int) { st.wait() }
			})
			s.stall(t, replica, st, product.ID)
			refusal := setDefaultCall(product, old)
			refusal.Kind, refusal.Count = "refuse", 1
			s.Stripe.Fail(t, refusal)
			s.takeOver(t)
			before := s.frozen(t, product.ID)
			close(st.resume)
			<-st.done
			testkit.Equal(t, "the halves", s.frozen(t, product.ID), before)
			testkit.Equal(t, "requests of the stalled process", len(w.Seen()), 2)
			s.equalProduct(t, product.ID)
			testkit.Equal(t, "default price", *s.productRow(t, product.ID).DefaultPriceID, old.ID)
		})
	})
}

// TestOthersBetweenTheLookAndTheLease has another process take an operation a step further
// after this one has looked at it, and before it gets the lease: it goes on where the other
// one has stopped, or leaves alone what is over.
func TestOthersBetweenTheLookAndTheLease(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		for over, attempts := range map[bool]int{false: 3, true: 2} {
			product := s.product(t, fmt.Sprintf("Over: %t", over))
			old := s.priceRow(t, *product.DefaultPriceID)
			busy := createCall(product, old)
			busy.Kind, busy.Count = "lock_timeout", 3
			s.Stripe.Fail(t, busy)
			if !over {
				next := setDefaultCall(product, old)
				next.Kind, next.Count = "lock_timeout", 3
				s.Stripe.Fail(t, next)
			}
			change := s.run(t, updateProductPrice, map[string]any{"productId": product.ID, "unitAmount": 2000})
			id := change.String("operation.id")
			testkit.Equal(t, "status", change.String("operation.status"), "PENDING")

			other, late := s.Replica(t), s.Replica(t)
			var once sync.Once
			late.Store.Reader.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
				return ent.QuerierFunc(func(ctx context.Context, query ent.Query) (ent.Value, error) {
					found, err := next.Query(ctx, query)
					if _, ok := query.(*ent.OperationQuery); ok {
						once.Do(func() { _, _ = other.Engine.Run(t.Context(), id) }) // its state is looked at below
					}
					return found, err
				})
			}))
			s.Stripe.Forget(t)
			if _, err := late.Engine.Run(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			op := s.row(t, id)
			testkit.Equal(t, "status", op.Status, billing.OperationSucceeded)
			testkit.Equal(t, "attempts", op.Attempts, attempts)
			made := 0
			for _, r := range s.writes(t) {
				if r.Path == "/v1/prices" {
					made++
				}
			}
			testkit.Equal(t, "requests that make the price", made, 1)
			s.equalProduct(t, product.ID)
		}
	})
}

// A process that is slow, but alive, keeps its operation: what it asks in the
// middle of a step renews the lease.
func TestSlowProcessKeepsItsLease(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "Team")
		customer := s.customer(t, "ada@example.com", true)
		w := testkit.NewWire(t)
		w.Before(func(n int, _ *http.Request) testkit.Verdict {
			if n > 2 {
				return testkit.Pass
			}
			// It looks for the payment method, then attaches it: one step, and
			// together longer than a lease.
			s.Clock.Advance(stripesync.Lease/2 + time.Second)
			if woken, err := s.Engine.Sweep(t.Context()); woken != 0 || err != nil {
				t.Errorf("the operation was taken away: %d, %v", woken, err)
			}
			return testkit.Pass
		})
		replica := s.Replica(t, w.Lay)
		card := "pm_card_visa"
		subscribed, err := replica.Subscriptions.CreateSubscription(testkit.Context(t), subscriptions.CreateSubscription{
			CustomerID: customer, PriceID: product.DefaultPriceID, PaymentMethod: &card,
			Collection: billing.CollectionChargeAutomatically, PaymentBehavior: billing.PaymentErrorIfIncomplete,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Eventually(t, "the operation to be over", func() bool {
			return s.row(t, subscribed.Operation.ID).Status == billing.OperationSucceeded
		})
		testkit.Equal(t, "requests", len(w.Seen()), 3)
	})
}

// Retrying an operation that another process is at must not carry it out
// twice.
func TestRetryLeavesALivingProcessAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, s *shop) {
		product := s.product(t, "Team")
		st := newStalled()
		w := testkit.NewWire(t)
		w.Before(func(n int, _ *http.Request) testkit.Verdict {
			if n == 2 {
				st.wait()
			}
			return testkit.Pass
		})
		s.stall(t, s.Replica(t, w.Lay), st, product.ID)
		op, err := s.Store.Reader.Operation.Query().Where(operation.FinishedAtIsNil()).Only(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Stripe.Forget(t)
		retried := make(chan struct{})
		go func() {
			defer close(retried)
			_, _ = s.Engine.RetryOperation(testkit.Context(t), stripesync.RetryOperation{OperationID: op.ID})
		}()
		// The retry has begun once it is on record; it then waits for the lease.
		s.Eventually(t, "the retry to be on record", func() bool { return s.row(t, op.ID).NextAttemptAt != nil })
		close(st.resume)
		<-st.done
		<-retried
		testkit.Equal(t, "status", s.row(t, op.ID).Status, billing.OperationSucceeded)
		testkit.Equal(t, "requests of the living process", len(w.Seen()), 3)
		testkit.Equal(t, "requests in all", len(s.writes(t)), 2)
		s.equalProduct(t, product.ID)
	})
}
