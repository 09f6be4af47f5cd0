package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"tallystick/internal/testkit"
)

const signUp = `mutation($input: CreateCustomerInput!) { createCustomer(input: $input) {
	customer { id } operation { id } userErrors { code path nodeId } } }`

// signUps are people who sign up while a sign-up is under way.
type signUps struct {
	*crowd
	kit *testkit.Kit
}

// gather begins a sign-up, and returns its payload to be.
func (s *signUps) gather(t *testing.T, before int, input map[string]any) *testkit.Answer {
	t.Helper()
	answer := new(testkit.Answer)
	s.all.Go(func() { *answer = s.kit.Query(t, signUp, map[string]any{"input": input}).At("createCustomer") })
	s.wait(1, before+1)
	return answer
}

// TestSignUpsTogether gives each of those who sign up at a time the answer that it would
// get alone.
func TestSignUpsTogether(t *testing.T) {
	t.Parallel()
	kit := testkit.New(t, "postgres", testkit.Idle)
	taken := kit.Query(t, signUp, map[string]any{"input": map[string]any{"email": "taken@example.com", "externalId": "1"}}).String("createCustomer.customer.id")
	s := &signUps{newCrowd(t, kit.Store, never, noLimit), kit}
	var answers []*testkit.Answer
	for i, input := range []map[string]any{
		{"email": "a@example.com"},
		{"email": "Taken@example.com"},
		{"email": "b@example.com", "externalId": "1"},
		{"email": "twice@example.com"},
		{"email": "Twice@example.com"},
		{"email": "key@example.com", "idempotencyKey": "same"},
		{"email": "key@example.com", "idempotencyKey": "same"},
		{"email": "reused@example.com", "idempotencyKey": "other"},
		{"email": "again@example.com", "idempotencyKey": "other"},
		{"email": "z@example.com"},
	} {
		answers = append(answers, s.gather(t, i, input))
	}
	s.end()
	for _, i := range []int{0, 9} {
		testkit.Equal(t, "errors", len(answers[i].List("userErrors")), 0)
		testkit.Equal(t, "there is a customer", answers[i].Has("customer.id"), true)
	}
	refused := func(a *testkit.Answer, code, path, node string) {
		t.Helper()
		testkit.Equal(t, "code", a.String("userErrors.0.code"), code)
		testkit.Equal(t, "path", a.String("userErrors.0.path.1"), path)
		testkit.Equal(t, "about", a.String("userErrors.0.nodeId"), node)
	}
	refused(answers[1], "EMAIL_TAKEN", "email", taken)
	refused(answers[2], "EXTERNAL_ID_TAKEN", "externalId", taken)
	one, other := winner(t, answers[3], answers[4])
	refused(other, "EMAIL_TAKEN", "email", one.String("customer.id"))
	testkit.Equal(t, "the customer of a repeated key", answers[5].String("customer.id"), answers[6].String("customer.id"))
	testkit.Equal(t, "its operation", answers[5].String("operation.id"), answers[6].String("operation.id"))
	one, other = winner(t, answers[7], answers[8])
	refused(other, "IDEMPOTENCY_KEY_REUSED", "idempotencyKey", one.String("operation.id"))
	testkit.Equal(t, "customers", kit.Query(t, `{ customers { totalCount } }`).Int("customers.totalCount"), 7)
}

// winner tells the one of two that was accepted from the other.
func winner(t *testing.T, a, b *testkit.Answer) (accepted, refused *testkit.Answer) {
	t.Helper()
	if a.Has("customer.id") == b.Has("customer.id") {
		t.Fatalf("both or neither: %s %s", a.Raw(), b.Raw())
	}
	if a.Has("customer.id") {
		return a, b
	}
	return b, a
}

// TestGoneFromSignUps has a client go away that is to send for others too: they do not
// notice, and it finds its customer when it asks again.
func TestGoneFromSignUps(t *testing.T) {
	t.Parallel()
	kit := testkit.New(t, "postgres", testkit.Idle)
	s := &signUps{newCrowd(t, kit.Store, never, noLimit), kit}
	input := map[string]any{"email": "gone@example.com", "idempotencyKey": "gone"}
	body, err := json.Marshal(map[string]any{"query": signUp, "variables": map[string]any{"input": input}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	s.all.Go(func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, kit.URL+"/graphql", bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("Authorization", "Bearer "+kit.Key)
		req.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(req)
		if err == nil {
			answer.Body.Close()
			t.Error("the client is still there")
		}
	})
	s.wait(1, 1)
	stays := s.gather(t, 1, map[string]any{"email": "stays@example.com"})
	leave()
	s.end()
	testkit.Equal(t, "who stays is accepted", stays.Has("customer.id"), true)
	testkit.Equal(t, "transactions", s.transactions(), 2)
	again := kit.Query(t, signUp, map[string]any{"input": input}).At("createCustomer")
	testkit.Equal(t, "who was gone is accepted", again.Has("customer.id"), true)
	testkit.Equal(t, "customers", kit.Query(t, `{ customers { totalCount } }`).Int("customers.totalCount"), 3)
}
