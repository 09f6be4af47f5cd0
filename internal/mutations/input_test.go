package mutations_test

import (
	"fmt"
	"strings"
	"testing"

	"tallystick/internal/billing"
	"tallystick/internal/testkit"
)

// fixture is one object of each kind, for inputs that name them.
type fixture struct {
	product, price        string // on sale
	bare                  string // a product without a price
	archived, itsPrice    string // a product that is archived; its price is active
	retired               string // a price that is archived, of product
	once                  string // a price that is paid once, of product
	foreign               string // a price of another product
	customer, deleted     string
	subscription, pending string // active and ended
	invoice               string // of subscription
	operation             string // the one that the key "used" is bound to
}

func newFixture(t *testing.T, k *testkit.Kit) fixture {
	t.Helper()
	var f fixture
	f.product, f.retired = newProduct(t, k, "Product")
	f.price = done(t, k, "updateProductPrice", object{"productId": f.product, "unitAmount": 3900}).String("price.id")
	f.once = done(t, k, "addProductPrice", object{"productId": f.product, "unitAmount": 5, "currency": "EUR", "lookupKey": "taken"}).
		String("price.id")
	f.bare = done(t, k, "createProduct", object{"name": "Bare"}).String("product.id")
	f.archived, f.itsPrice = newProduct(t, k, "Archived")
	done(t, k, "archiveProduct", object{"productId": f.archived})
	_, f.foreign = newProduct(t, k, "Foreign")
	f.customer = newCustomer(t, k, "holder@example.com")
	f.deleted = newCustomer(t, k, "deleted@example.com")
	done(t, k, "deleteCustomer", object{"customerId": f.deleted})
	subscription := newSubscription(t, k, f.customer, f.price)
	f.subscription, f.invoice = subscription.String("id"), subscription.String("latestInvoice.id")
	f.pending = newSubscription(t, k, f.customer, f.price).String("id")
	done(t, k, "cancelSubscription", object{"subscriptionId": f.pending, "at": "IMMEDIATELY"})
	keyed := mutate(t, k, "createCustomer", object{"email": "keyed@example.com", "idempotencyKey": "used"})
	f.operation = keyed.String("operation.id")
	k.Work(t)
	return f
}

// valid is an input that each mutation would accept.
func (f fixture) valid() map[string]object {
	return map[string]object{
		"createProduct":           {"name": "New"},
		"updateProduct":           {"productId": f.product, "name": "Other"},
		"archiveProduct":          {"productId": f.product},
		"addProductPrice":         {"productId": f.product, "unitAmount": 1, "currency": "USD"},
		"archivePrice":            {"priceId": f.once},
		"updateProductPrice":      {"productId": f.product, "unitAmount": 1},
		"createCustomer":          {"email": "new@example.com"},
		"updateCustomer":          {"customerId": f.customer, "name": "Other"},
		"deleteCustomer":          {"customerId": f.customer},
		"restoreCustomer":         {"customerId": f.deleted},
		"createSubscription":      {"customerId": f.customer, "priceId": f.price, "collection": "SEND_INVOICE"},
		"cancelSubscription":      {"subscriptionId": f.subscription},
		"resumeSubscription":      {"subscriptionId": f.subscription},
		"changeSubscriptionPrice": {"subscriptionId": f.subscription, "priceId": f.foreign},
		"revokeSubscription":      {"subscriptionId": f.subscription},
		"payInvoice":              {"invoiceId": f.invoice},
		"voidInvoice":             {"invoiceId": f.invoice},
		"retryOperation":          {"operationId": f.operation},
	}
}

// with is an input with other fields.
func with(input object, fields ...any) object {
	changed := object{}
	for k, v := range input {
		changed[k] = v
	}
	for i := 0; i < len(fields); i += 2 {
		changed[fields[i].(string)] = fields[i+1]
	}
	return changed
}

type badInput struct {
	name, mutation string
	input          object
	code, path     string
}

// badIDs are inputs whose ids name nothing, for every field that is an id.
func (f fixture) badIDs() []badInput {
	var all []badInput
	for mutation, input := range f.valid() {
		for field, id := range input {
			if !strings.HasSuffix(field, "Id") {
				continue
			}
			prefix, _, _ := strings.Cut(id.(string), "_")
			other := f.product
			if prefix == billing.ProductPrefix {
				other = f.customer
			}
			for name, bad := range map[string]struct{ id, code string }{
				"unknown":         {billing.NewID(prefix), "NOT_FOUND"},
				"of another type": {other, "NOT_FOUND"},
				"malformed":       {prefix + "_1", "INVALID_INPUT"},
				"of Stripe":       {"cus_NffrFeUfNV2Hib", "INVALID_INPUT"},
				"empty":           {"", "INVALID_INPUT"},
				"long":            {strings.Repeat("x", 10_000), "INVALID_INPUT"},
			} {
				all = append(all, badInput{
					fmt.Sprintf("%s %s", field, name), mutation, with(input, field, bad.id), bad.code, "input." + field,
				})
			}
		}
	}
	return all
}

// badKeys are idempotency keys that no mutation takes.
func (f fixture) badKeys() []badInput {
	var all []badInput
	for mutation, input := range f.valid() {
		for name, bad := range map[string]struct{ key, code string }{
			"empty key":               {"", "INVALID_INPUT"},
			"key too long":            {strings.Repeat("k", 256), "INVALID_INPUT"},
			"key of another mutation": {"used", "IDEMPOTENCY_KEY_REUSED"},
		} {
			all = append(all, badInput{name, mutation, with(input, "idempotencyKey", bad.key), bad.code, "input.idempotencyKey"})
		}
	}
	return all
}

func manyKeys(n int) object {
	metadata := object{}
	for i := range n {
		metadata[fmt.Sprint("key", i)] = "v"
	}
	return metadata
}

func (f fixture) badMetadata() []badInput {
	var all []badInput
	for _, mutation := range []string{"createProduct", "updateProduct", "createCustomer", "updateCustomer"} {
		for name, metadata := range map[string]object{
			"49 metadata keys":           manyKeys(49),
			"metadata key too long":      {strings.Repeat("k", 41): "v"},
			"empty metadata key":         {"": "v"},
			"metadata value too long":    {"k": strings.Repeat("v", 501)},
			"metadata key of ours":       {"tallystick_id": "v"},
			"brackets in a metadata key": {"a[b]": "v"},
		} {
			all = append(all, badInput{name, mutation, with(f.valid()[mutation], "metadata", metadata), "INVALID_INPUT", "input.metadata"})
		}
	}
	return all
}

func (f fixture) badPrices() []badInput {
	var all []badInput
	add := func(name, code, field string, fields ...any) {
		price := object{"unitAmount": 100, "currency": "USD"}
		for _, mutation := range []string{"addProductPrice", "updateProductPrice"} {
			if mutation == "updateProductPrice" && field == "lookupKey" {
				continue
			}
			input := with(with(price, "productId", f.product), fields...)
			all = append(all, badInput{name, mutation, input, code, "input." + field})
		}
		all = append(all, badInput{
			name, "createProduct", object{"name": "New", "price": with(price, fields...)}, code, "input.price." + field,
		})
	}
	for _, amount := range []any{0, -1, 100_000_000, "-9007199254740991"} {
		add(fmt.Sprint("amount ", amount), "INVALID_INPUT", "unitAmount", "unitAmount", amount)
	}
	add("third decimal", "INVALID_INPUT", "unitAmount", "unitAmount", 1001, "currency", "KWD")
	add("decimals of ISK", "INVALID_INPUT", "unitAmount", "unitAmount", 150, "currency", "isk")
	for _, currency := range []string{"", "XXX", "US", "DOLLAR", "uſd"} {
		add("currency "+currency, "INVALID_INPUT", "currency", "currency", currency)
	}
	for interval, most := range map[string]int{"DAY": 1095, "WEEK": 156, "MONTH": 36, "YEAR": 3} {
		for _, count := range []int{0, -1, most + 1} {
			add(fmt.Sprint(count, " ", interval), "INVALID_INPUT", "recurring",
				"recurring", object{"interval": interval, "intervalCount": count})
		}
	}
	add("long nickname", "INVALID_INPUT", "nickname", "nickname", strings.Repeat("n", 10_000))
	add("long lookup key", "INVALID_INPUT", "lookupKey", "lookupKey", strings.Repeat("l", 201))
	add("empty lookup key", "INVALID_INPUT", "lookupKey", "lookupKey", "")
	add("lookup key of another price", "INVALID_INPUT", "lookupKey", "lookupKey", "taken")
	return all
}

func (f fixture) badEmails() []badInput {
	var all []badInput
	add := func(email, code string) {
		all = append(
			all,
			badInput{"e-mail " + email, "createCustomer", object{"email": email}, code, "input.email"},
			badInput{"e-mail " + email, "updateCustomer", object{"customerId": f.customer, "email": email}, code, "input.email"},
		)
	}
	for _, email := range []string{
		"", "a", "a@", "@b.co", "a b@c.de", "a@b", "Name <a@b.co>", "ä@b.co", "a@ä.de", "a@[127.0.0.1]", `"a"@b.co`, "a@b..co",
		strings.Repeat("a", 10_000) + "@b.co",
	} {
		add(email, "INVALID_INPUT")
	}
	for _, email := range []string{"keyed@example.com", "KEYED@Example.COM"} {
		add(email, "EMAIL_TAKEN")
	}
	return all
}

func (f fixture) others() []badInput {
	long, valid := strings.Repeat("n", 10_000), f.valid()
	subscribe := valid["createSubscription"]
	return []badInput{
		{"empty name", "createProduct", object{"name": ""}, "INVALID_INPUT", "input.name"},
		{"blank name", "createProduct", object{"name": " \t"}, "INVALID_INPUT", "input.name"},
		{"long name", "createProduct", object{"name": long}, "INVALID_INPUT", "input.name"},
		{"NUL in the name", "createProduct", object{"name": "a\x00b"}, "INVALID_INPUT", "input.name"},
		{"long description", "createProduct", object{"name": "a", "description": strings.Repeat(long, 5)}, "INVALID_INPUT", "input.description"},
		{"empty name", "updateProduct", object{"productId": f.product, "name": ""}, "INVALID_INPUT", "input.name"},
		{"long name", "updateProduct", object{"productId": f.product, "name": long}, "INVALID_INPUT", "input.name"},
		{"no change", "updateProduct", object{"productId": f.product}, "INVALID_INPUT", "input"},
		{"long name", "createCustomer", object{"email": "a@b.co", "name": long}, "INVALID_INPUT", "input.name"},
		{"long name", "updateCustomer", object{"customerId": f.customer, "name": long}, "INVALID_INPUT", "input.name"},
		{"no change", "updateCustomer", object{"customerId": f.customer}, "INVALID_INPUT", "input"},
		{"deleted", "updateCustomer", object{"customerId": f.deleted, "name": "a"}, "NOT_FOUND", "input.customerId"},
		{"deleted", "deleteCustomer", object{"customerId": f.deleted}, "NOT_FOUND", "input.customerId"},
		{"not deleted", "restoreCustomer", object{"customerId": f.customer}, "INVALID_INPUT", "input.customerId"},

		{"archived", "archiveProduct", object{"productId": f.archived}, "PRODUCT_ARCHIVED", "input.productId"},
		{"archived", "addProductPrice", object{"productId": f.archived, "unitAmount": 1, "currency": "USD"}, "PRODUCT_ARCHIVED", "input.productId"},
		{"archived", "updateProductPrice", object{"productId": f.archived, "unitAmount": 1}, "PRODUCT_ARCHIVED", "input.productId"},
		{"archived price", "updateProductPrice", object{"productId": f.product, "priceId": f.retired, "unitAmount": 1}, "PRICE_NOT_ACTIVE", "input.priceId"},
		{"foreign price", "updateProductPrice", object{"productId": f.product, "priceId": f.foreign, "unitAmount": 1}, "NOT_FOUND", "input.priceId"},
		{"unknown price", "updateProductPrice", object{"productId": f.product, "priceId": billing.NewID("prc"), "unitAmount": 1}, "NOT_FOUND", "input.priceId"},
		{"malformed price", "updateProductPrice", object{"productId": f.product, "priceId": "price_1", "unitAmount": 1}, "INVALID_INPUT", "input.priceId"},
		{"no price, no currency", "updateProductPrice", object{"productId": f.bare, "unitAmount": 1}, "INVALID_INPUT", "input.currency"},
		{"default", "archivePrice", object{"priceId": f.price}, "PRICE_IS_DEFAULT", "input.priceId"},
		{"archived", "archivePrice", object{"priceId": f.retired}, "PRICE_NOT_ACTIVE", "input.priceId"},

		{"archived price", "createSubscription", with(subscribe, "priceId", f.retired), "PRICE_NOT_ACTIVE", "input.priceId"},
		{"archived product", "createSubscription", with(subscribe, "priceId", f.itsPrice), "PRICE_NOT_ACTIVE", "input.priceId"},
		{"paid once", "createSubscription", with(subscribe, "priceId", f.once), "INVALID_INPUT", "input.priceId"},
		{"deleted customer", "createSubscription", with(subscribe, "customerId", f.deleted), "NOT_FOUND", "input.customerId"},
		{"no trial", "createSubscription", with(subscribe, "trialDays", 0), "INVALID_INPUT", "input.trialDays"},
		{"long trial", "createSubscription", with(subscribe, "trialDays", 731), "INVALID_INPUT", "input.trialDays"},
		{"due at once", "createSubscription", with(subscribe, "daysUntilDue", 0), "INVALID_INPUT", "input.daysUntilDue"},
		{"due much later", "createSubscription", with(subscribe, "daysUntilDue", 366), "INVALID_INPUT", "input.daysUntilDue"},
		{"due without invoice", "createSubscription", with(subscribe, "collection", "CHARGE_AUTOMATICALLY", "daysUntilDue", 3), "INVALID_INPUT", "input.daysUntilDue"},
		{"empty payment method", "createSubscription", with(subscribe, "paymentMethod", ""), "INVALID_INPUT", "input.paymentMethod"},
		{"long comment", "cancelSubscription", with(valid["cancelSubscription"], "comment", long), "INVALID_INPUT", "input.comment"},
		{"ended", "cancelSubscription", object{"subscriptionId": f.pending}, "SUBSCRIPTION_ENDED", "input.subscriptionId"},
		{"ended", "resumeSubscription", object{"subscriptionId": f.pending}, "SUBSCRIPTION_ENDED", "input.subscriptionId"},
		{"ended", "revokeSubscription", object{"subscriptionId": f.pending}, "SUBSCRIPTION_ENDED", "input.subscriptionId"},
		{"ended", "changeSubscriptionPrice", object{"subscriptionId": f.pending, "priceId": f.foreign}, "SUBSCRIPTION_ENDED", "input.subscriptionId"},
		{"archived price", "changeSubscriptionPrice", object{"subscriptionId": f.subscription, "priceId": f.retired}, "PRICE_NOT_ACTIVE", "input.priceId"},
		{"paid once", "changeSubscriptionPrice", object{"subscriptionId": f.subscription, "priceId": f.once}, "INVALID_INPUT", "input.priceId"},
		{"not going to end", "resumeSubscription", object{"subscriptionId": f.subscription}, "INVALID_TRANSITION", "input.subscriptionId"},
		{"succeeded", "retryOperation", object{"operationId": f.operation}, "INVALID_INPUT", "input.operationId"},
	}
}

// TestBadInput asserts that what a mutation refuses is refused before Stripe is
// asked and before anything is written.
func TestBadInput(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		f := newFixture(t, k)
		k.Stripe.Forget(t)
		before := dump(t, k)
		for _, group := range [][]badInput{f.badIDs(), f.badKeys(), f.badMetadata(), f.badPrices(), f.badEmails(), f.others()} {
			for _, bad := range group {
				t.Run(fmt.Sprintf("%s/%.40s", bad.mutation, bad.name), func(t *testing.T) {
					e := refused(t, mutate(t, k, bad.mutation, bad.input), bad.code, bad.path)
					if len(e.String("message")) > 1000 {
						t.Errorf("a message of %d bytes", len(e.String("message")))
					}
					if bad.code == "IDEMPOTENCY_KEY_REUSED" {
						testkit.Equal(t, "node", e.String("nodeId"), f.operation)
					}
				})
			}
		}
		requests(t, k)
		if dump(t, k) != before {
			t.Error("something was written")
		}
	})
}

// TestFixtureIsValid keeps [TestBadInput] honest: what it spoils would be
// accepted as it is.
func TestFixtureIsValid(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		valid := newFixture(t, k).valid()
		for _, other := range []string{"retryOperation", "payInvoice", "voidInvoice"} { // their own tests have what they need
			delete(valid, other)
		}
		for _, mutation := range []string{
			"createProduct", "updateProduct", "addProductPrice", "archivePrice", "createSubscription", "updateProductPrice",
			"archiveProduct", "createCustomer", "updateCustomer", "cancelSubscription", "resumeSubscription",
			"changeSubscriptionPrice", "revokeSubscription", "restoreCustomer", "deleteCustomer",
		} {
			payload := mutate(t, k, mutation, valid[mutation])
			if len(payload.List("userErrors")) != 0 {
				t.Errorf("%s: %s", mutation, payload.Raw())
			}
			delete(valid, mutation)
		}
		if len(valid) != 0 {
			t.Errorf("not tried: %v", valid)
		}
	})
}
