package stripeapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/billing"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesim"
	"tallystick/internal/testkit"
)

func unbound(o *stripeapi.Options) { o.Unbound = false }

// TestMissingIsNotBelieved asks for what does not exist, before and after it is
// certain that the account is the right one.
func TestMissingIsNotBelieved(t *testing.T) {
	t.Parallel()
	l := newLink(t, unbound)
	get := func() *stripeapi.Error {
		t.Helper()
		_, err := l.Customers.Get("cus_nope", nil)
		return stripeapi.AsError(err)
	}
	testkit.Equal(t, "at first", get().Kind, stripeapi.Unavailable)
	testkit.Equal(t, "the gate", l.Available(), true)
	var account stripeapi.Account
	if err := l.Confirm(t.Context(), func(_ context.Context, a stripeapi.Account) error {
		account = a
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if account.ID == "" || account.Livemode || account.Sandbox {
		t.Errorf("the account is %+v", account)
	}
	testkit.Equal(t, "then", get().Kind, stripeapi.Rejected)
	testkit.Equal(t, "its status", get().Status, 404)
	l.fault(t, stripesim.Fault{Kind: "server_error", Method: "GET", Path: "/v1/account", Count: 1})
	testkit.Equal(t, "while nobody says whose account it is", get().Kind, stripeapi.Unavailable)
	testkit.Equal(t, "afterwards", get().Kind, stripeapi.Rejected)
}

// TestAnotherAccountAtTheSameAddress turns the address of the right account to
// another one while the client is in use.
func TestAnotherAccountAtTheSameAddress(t *testing.T) {
	t.Parallel()
	right, other := newLink(t), newLink(t)
	var behind atomic.Pointer[httputil.ReverseProxy]
	turn := func(to *link) {
		address, err := url.Parse(to.URL)
		if err != nil {
			t.Fatal(err)
		}
		behind.Store(httputil.NewSingleHostReverseProxy(address))
	}
	turn(right)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { behind.Load().ServeHTTP(w, r) }))
	t.Cleanup(proxy.Close)
	l := newLink(t, unbound, func(o *stripeapi.Options) { o.BaseURL = proxy.URL })
	if err := l.Confirm(t.Context(), func(context.Context, stripeapi.Account) error { return nil }); err != nil {
		t.Fatal(err)
	}
	customer, err := l.Customers.New(&stripe.CustomerParams{})
	if err != nil {
		t.Fatal(err)
	}

	turn(other)
	_, err = l.Customers.Del(customer.ID, nil)
	testkit.Equal(t, "a customer of the right account", stripeapi.AsError(err).Kind, stripeapi.Unavailable)
	testkit.Equal(t, "health", l.Health(), billing.StripeWrongAccount)
	testkit.Equal(t, "a request is sent", stripeapi.Classify(l.Ping(t.Context())).NotSent, true)
}

// TestKeyThatLosesSightOfItsAccount may not read its account any more: it is taken
// at its word.
func TestKeyThatLosesSightOfItsAccount(t *testing.T) {
	t.Parallel()
	l := newLink(t, unbound)
	if err := l.Confirm(t.Context(), func(context.Context, stripeapi.Account) error { return nil }); err != nil {
		t.Fatal(err)
	}
	l.fault(t, stripesim.Fault{Kind: "forbidden", Method: "GET", Path: "/v1/account"})
	_, err := l.Customers.Get("cus_nope", nil)
	testkit.Equal(t, "what does not exist", stripeapi.AsError(err).Kind, stripeapi.Rejected)
}

// TestWrongAccountClosesTheGate finds out that the key is another account's.
func TestWrongAccountClosesTheGate(t *testing.T) {
	t.Parallel()
	l := newLink(t, unbound)
	err := l.Confirm(t.Context(), func(context.Context, stripeapi.Account) error {
		return fmt.Errorf("%w: somebody else's", stripeapi.ErrWrongAccount)
	})
	if err == nil {
		t.Fatal("the wrong account was confirmed")
	}
	testkit.Equal(t, "available", l.Available(), false)
	testkit.Equal(t, "health", l.Health(), billing.StripeWrongAccount)
	testkit.Equal(t, "a request is sent", stripeapi.Classify(l.Ping(t.Context())).NotSent, true)
}

// TestKeyThatMayNotReadItsAccount is a restricted key's: it is taken at its word.
func TestKeyThatMayNotReadItsAccount(t *testing.T) {
	t.Parallel()
	l := newLink(t, unbound)
	l.fault(t, stripesim.Fault{Kind: "forbidden", Method: "GET", Path: "/v1/account"})
	if err := l.Confirm(t.Context(), func(_ context.Context, a stripeapi.Account) error {
		testkit.Equal(t, "the account's id", a.ID, "")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_, err := l.Customers.Get("cus_nope", nil)
	testkit.Equal(t, "what does not exist", stripeapi.AsError(err).Kind, stripeapi.Rejected)
}

// TestSpareKeyThatMayNotReadItsAccount confirms by a key that tells its account and by a
// spare one that may not; then another account answers, whose 404 must not be believed.
func TestSpareKeyThatMayNotReadItsAccount(t *testing.T) {
	t.Parallel()
	var account atomic.Value
	account.Store("acct_ours")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") == "Bearer sk_test_new":
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"error": {"type": "invalid_request_error"}}`)
		case r.URL.Path == "/v1/account":
			fmt.Fprintf(w, `{"id": %q, "object": "account"}`, account.Load())
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error": {"type": "invalid_request_error", "code": "resource_missing"}}`)
		}
	}))
	defer server.Close()
	c := stripeapi.New(stripeapi.Options{SecretKey: "sk_test_old", NextSecretKey: "sk_test_new", BaseURL: server.URL})
	if err := c.Confirm(t.Context(), func(context.Context, stripeapi.Account) error { return nil }); err != nil {
		t.Fatal(err)
	}
	account.Store("acct_foreign")
	if _, err := c.Products.Get("prod_1", nil); stripeapi.IsGone(err) {
		t.Error("another account's 404 is believed")
	}
}
