package mutations_test

import (
	"sync"
	"testing"

	"tallystick/internal/testkit"
)

// TestRepeatedKeys repeats the mutations that hand out secrets, by the same idempotency
// key: nothing more is made or changed, and the secret is not shown again.
func TestRepeatedKeys(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		ask := func(document string, input object) testkit.Answer {
			t.Helper()
			return k.Query(t, document, object{"input": input}).At("m")
		}
		const (
			create = `mutation($input: CreateApiKeyInput!) { m: createApiKey(input: $input) {
				secret apiKey { id } userErrors { code path } } }`
			rotate = `mutation($input: RotateApiKeyInput!) { m: rotateApiKey(input: $input) {
				secret apiKey { id } userErrors { code path } } }`
			session = `mutation($input: CreateCustomerSessionInput!) { m: createCustomerSession(input: $input) {
				token expiresAt userErrors { code path } } }`
		)
		works := func(key string) bool {
			t.Helper()
			return !testkit.Client{URL: k.URL, Key: key}.Send(t, `{ products(first: 1) { edges { node { id } } } }`).Has("errors")
		}
		input := object{"name": "shop", "scopes": []string{"READ_CATALOG"}, "idempotencyKey": "make"}
		first, again := ask(create, input), ask(create, input)
		testkit.Equal(t, "the key", again.String("apiKey.id"), first.String("apiKey.id"))
		testkit.Equal(t, "its secret, again", again.Has("secret"), false)
		testkit.Equal(t, "keys", k.Query(t, `{ apiKeys { totalCount } }`).Int("apiKeys.totalCount"), 1)
		input["name"] = "another"
		testkit.Equal(t, "another input", ask(create, input).String("userErrors.0.code"), "IDEMPOTENCY_KEY_REUSED")

		id := first.String("apiKey.id")
		rotation := object{"apiKeyId": id, "graceSeconds": 60, "idempotencyKey": "rotate"}
		rotated := ask(rotate, rotation).String("secret")
		testkit.Equal(t, "the secret of a repeated rotation", ask(rotate, rotation).Has("secret"), false)
		testkit.Equal(t, "the new secret works", works(rotated), true)
		testkit.Equal(t, "the old one too, for a time", works(first.String("secret")), true)

		visit := object{"customerId": newCustomer(t, k, "ada@example.com"), "idempotencyKey": "visit"}
		one, two := ask(session, visit), ask(session, visit)
		testkit.Equal(t, "the token, again", two.Has("token"), false)
		testkit.Equal(t, "when it ends", two.String("expiresAt"), one.String("expiresAt"))
		testkit.Equal(t, "sessions", k.Store.Reader.CustomerSession.Query().CountX(testkit.Context(t)), 1)
	})
}

// TestKeysRepeatedAtOnce sends one request several times at once: it counts once.
func TestKeysRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	testkit.OnBoth(t, func(t *testing.T, k *testkit.Kit) {
		var all sync.WaitGroup
		secrets := make([]bool, 8)
		for i := range secrets {
			all.Go(func() {
				made := k.Query(t, `mutation { createApiKey(input: {name: "shop", scopes: [READ_CATALOG], idempotencyKey: "make"}) {
					secret apiKey { id } userErrors { code } } }`).At("createApiKey")
				secrets[i] = made.Has("secret")
				if !made.Has("apiKey.id") {
					t.Errorf("%s", made.Raw())
				}
			})
		}
		all.Wait()
		shown := 0
		for _, s := range secrets {
			if s {
				shown++
			}
		}
		testkit.Equal(t, "secrets shown", shown, 1)
		testkit.Equal(t, "keys", k.Query(t, `{ apiKeys { totalCount } }`).Int("apiKeys.totalCount"), 1)
	})
}
