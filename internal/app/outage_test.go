package app_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/internal/testkit"
)

// TestKill ends the program without a warning in the middle of a price change,
// after each of Stripe's three answers has been made and before it is heard.
func TestKill(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]testkit.Fault{
		"creating the new price":   {Path: "/v1/prices"},
		"making it the default":    {Path: "/v1/products/*"},
		"archiving the old price":  {Path: "/v1/prices/*"},
		"before the price is made": {Path: "/v1/prices", Kind: "delay"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, p *program) {
				p.start(t)
				product, _ := p.team(t)
				fault.Method, fault.Count, fault.DelayMs = "POST", 1, 60_000
				fault.Kind = cmp.Or(fault.Kind, "delay_after")
				p.fault(t, fault)
				p.tell(fmt.Sprintf(`mutation { updateProductPrice(input: {productId: %q, unitAmount: 3456}) { operation { id } } }`, product))
				p.struck(t)
				p.kill()

				p.start(t)
				testkit.Eventually(t, "the operation to end by itself", func() bool {
					return len(p.Query(t, `{ operations(filter: {status: [PENDING, RUNNING, COMPENSATING]}) { edges { node { id } } } }`).
						List("operations.edges")) == 0
				})
				operation := p.Query(t, `{ operations(first: 1, filter: {kind: [UPDATE_PRODUCT_PRICE]}) { edges { node { status } } } }`)
				if status := operation.String("operations.edges.0.node.status"); status != "SUCCEEDED" {
					t.Errorf("the price change is %s", status)
				}
				if _, amount := p.team(t); amount != 3456 {
					t.Errorf("the price is %d", amount)
				}
				p.equalHalves(t, product)
				p.stop(t)
			})
		})
	}
}

// team is the product of that name in the demo catalogue, and what it costs.
func (p *program) team(t testing.TB) (id string, amount int) {
	t.Helper()
	found := p.Query(t, `{ products(filter: {search: "team"}) { edges { node { id defaultPrice { unitAmount { amount } } } } } }`).
		At("products.edges.0.node")
	return found.String("id"), found.Int("defaultPrice.unitAmount.amount")
}

// equalHalves compares a product and its prices with those of the sandbox.
func (p *program) equalHalves(t testing.TB, product string) {
	t.Helper()
	here := p.Query(t, `query($id: ID!) { product(id: $id) { stripe { id status } defaultPrice { stripe { id } }
		prices { edges { node { status lookupKey unitAmount { amount } stripe { id } } } } } }`, map[string]any{"id": product}).At("product")
	id := here.String("stripe.id")
	if status := here.String("stripe.status"); status != "SYNCED" {
		t.Errorf("the product is %s", status)
	}
	var inStripe struct {
		DefaultPrice string `json:"default_price"`
	}
	p.stripe(t, "/v1/products/"+id, &inStripe)
	if want := here.String("defaultPrice.stripe.id"); inStripe.DefaultPrice != want {
		t.Errorf("the default price is %s here and %s in Stripe", want, inStripe.DefaultPrice)
	}
	var prices struct {
		Data []struct {
			ID         string
			Active     bool
			LookupKey  *string `json:"lookup_key"`
			UnitAmount int     `json:"unit_amount"`
		}
	}
	p.stripe(t, "/v1/prices?limit=100&product="+id, &prices)
	var ours, theirs []string
	for _, edge := range here.List("prices.edges") {
		key := "no key"
		if edge.Has("node.lookupKey") {
			key = edge.String("node.lookupKey")
		}
		ours = append(ours, fmt.Sprintln(edge.String("node.stripe.id"), edge.Int("node.unitAmount.amount"),
			edge.String("node.status") == "ACTIVE", key))
	}
	for _, price := range prices.Data {
		key := "no key"
		if price.LookupKey != nil {
			key = *price.LookupKey
		}
		theirs = append(theirs, fmt.Sprintln(price.ID, price.UnitAmount, price.Active, key))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	if !slices.Equal(ours, theirs) {
		t.Errorf("the halves differ.\nhere:\n%s\nin Stripe:\n%s", ours, theirs)
	}
}

// TestGracefulEnd asks the program to end while Stripe takes its time.
func TestGracefulEnd(t *testing.T) {
	t.Parallel()
	t.Run("someone waits", func(t *testing.T) {
		t.Parallel()
		onBoth(t, func(t *testing.T, p *program) {
			p.start(t)
			product, _ := p.team(t)
			p.fault(t, testkit.Fault{Method: "POST", Path: "/v1/prices", Kind: "delay", Count: 1, DelayMs: 1500})
			answer := p.tell(fmt.Sprintf(`mutation { updateProductPrice(input: {productId: %q, unitAmount: 3456}) { operation { status } } }`, product))
			p.struck(t)
			p.stop(t)
			if got := <-answer; !strings.Contains(got, `"SUCCEEDED"`) {
				t.Errorf("the answer was %s", got)
			}
			p.start(t)
			p.equalHalves(t, product)
		})
	})
	t.Run("nobody waits", func(t *testing.T) {
		t.Parallel()
		onBoth(t, func(t *testing.T, p *program) {
			p.start(t)
			p.fault(t, testkit.Fault{Method: "POST", Path: "/v1/customers", Kind: "delay", Count: 1, DelayMs: 1500})
			p.signUp(t, "ada@example.com")
			p.struck(t)
			p.stop(t)
			p.start(t)
			if link := p.link(t, "ada@example.com"); link.String("status") != "SYNCED" {
				t.Errorf("after the restart: %s", link.Raw())
			}
		})
	})
}

// signUp creates a customer and returns how long the answer took.
func (p *program) signUp(t testing.TB, email string) time.Duration {
	t.Helper()
	began := time.Now()
	created := p.Query(t, `mutation($email: String!) { createCustomer(input: {email: $email}) {
		customer { stripe { id status } } operation { status } userErrors { message } } }`, map[string]any{"email": email}).At("createCustomer")
	took := time.Since(began)
	if !created.Has("customer") {
		t.Fatalf("sign up: %s", created.Raw())
	}
	return took
}

// link is how a customer stands to its counterpart in Stripe.
func (p *program) link(t testing.TB, email string) testkit.Answer {
	t.Helper()
	return p.Query(t, `query($email: String!) { customerByEmail(email: $email) {
		stripe { id status pendingOperation { attempts lastError } } } }`, map[string]any{"email": email}).At("customerByEmail.stripe")
}

func (p *program) linked(t testing.TB, email string) {
	t.Helper()
	testkit.Eventually(t, "the link of "+email, func() bool { return p.link(t, email).String("status") == "SYNCED" })
}

// health is how the program says that it and Stripe are.
func (p *program) health(t testing.TB) string {
	t.Helper()
	h := p.Query(t, `{ billingHealth { status stripe } }`).At("billingHealth")
	return h.String("status") + " " + h.String("stripe")
}

// onStripe gives a program a real-looking key and a Stripe outside of it.
func onStripe(t testing.TB, p *program) *testkit.Stripe {
	t.Helper()
	s := testkit.NewStripe(t)
	p.env = append(p.env, withKey("STRIPE_API_BASE="+s.URL)...)
	return s
}

func creations(t testing.TB, s *testkit.Stripe) (n int) {
	t.Helper()
	for _, r := range s.Requests(t) {
		if r.String() == "POST /v1/customers" && r.Status == 200 && !r.Replayed {
			n++
		}
	}
	return n
}

func TestStripeIsDown(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p *program) {
		stripe := onStripe(t, p)
		stripe.Down()
		p.start(t)
		const many = 20
		var down time.Duration
		for i := range many {
			down += p.signUp(t, fmt.Sprintf("down%d@example.com", i))
		}
		testkit.Eventually(t, "the outage to be seen", func() bool { return p.health(t) == "DEGRADED UNREACHABLE" })
		resp := p.Do(t, get(t, p.URL+"/readyz"))
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("without Stripe, /readyz answers %s", resp.Status)
		}
		stripe.Up(t)
		for i := range many {
			p.linked(t, fmt.Sprintf("down%d@example.com", i))
		}
		if n := creations(t, stripe); n != many {
			t.Errorf("%d sign-ups created %d customers in Stripe", many, n)
		}
		testkit.Eventually(t, "health", func() bool { return p.health(t) == "OK OK" })

		var up time.Duration
		for i := range many {
			up += p.signUp(t, fmt.Sprintf("up%d@example.com", i))
		}
		t.Logf("%d sign-ups took %s while Stripe was down, and %s while it was up", many, down, up)
		if down > 10*up+time.Second {
			t.Error("signing up waits for Stripe")
		}
		p.stop(t)
	})
}

func TestInvalidKey(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p *program) {
		stripe := onStripe(t, p)
		stripe.Fail(t, testkit.Fault{Kind: "unauthorized"})
		p.start(t)
		p.signUp(t, "ada@example.com")
		testkit.Eventually(t, "the key to be found invalid", func() bool { return p.health(t) == "DEGRADED INVALID_KEY" })
		if link := p.link(t, "ada@example.com"); link.String("status") != "PENDING" || link.Int("pendingOperation.attempts") != 0 {
			t.Errorf("with an invalid key: %s", link.Raw())
		}
		stripe.Heal(t)
		p.linked(t, "ada@example.com")
		testkit.Eventually(t, "health", func() bool { return p.health(t) == "OK OK" })
		if n := creations(t, stripe); n != 1 {
			t.Errorf("%d customers were created in Stripe", n)
		}
		p.stop(t)
	})
}
