package commands_test

import (
	"testing"

	"tallystick/internal/testkit"
)

const productFields = `product { id active defaultPrice { id unitAmount { amount currency } lookupKey status }
	prices { edges { node { id status lookupKey unitAmount { amount } stripe { id status } } } } stripe { id status lastError } }`

const operationFields = `operation { id kind status attempts lastError steps { name status } stripeCalls { method path status errorCode } }`

const errorFields = `userErrors { code path message nodeId declineCode }`

const createProduct = `mutation($input: CreateProductInput!) { createProduct(input: $input) { ` +
	productFields + operationFields + errorFields + ` } }`

const updateProductPrice = `mutation($input: UpdateProductPriceInput!) { updateProductPrice(input: $input) {
	price { id } previousPrice { id status } ` + productFields + operationFields + errorFields + ` } }`

func input(fields map[string]any) map[string]any { return map[string]any{"input": fields} }

func monthly(amount int, lookupKey string) map[string]any {
	return map[string]any{
		"unitAmount": amount, "currency": "usd", "recurring": map[string]any{"interval": "MONTH"}, "lookupKey": lookupKey,
	}
}

func TestUpdateProductPrice(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		created := k.Query(t, createProduct, input(map[string]any{"name": "Team", "price": monthly(2900, "team")})).At("createProduct")
		product := created.String("product.id")
		old := created.String("product.defaultPrice.id")
		k.Stripe.Forget(t)

		changed := k.Query(t, updateProductPrice, input(map[string]any{"productId": product, "unitAmount": 3900})).At("updateProductPrice")
		if n := len(k.Stripe.Requests(t)); n != 3 {
			t.Errorf("a price change made %d requests, want 3: %v", n, k.Stripe.Requests(t))
		}
		if got := changed.String("operation.status"); got != "SUCCEEDED" {
			t.Errorf("status %s: %s", got, changed.Raw())
		}
		if got := changed.String("product.defaultPrice.lookupKey"); got != "team" {
			t.Errorf("lookup key %s", got)
		}
		if changed.String("previousPrice.id") != old || changed.String("previousPrice.status") != "ARCHIVED" {
			t.Errorf("previous price: %s", changed.Raw())
		}
		t.Log(changed.Raw())
	})
}
