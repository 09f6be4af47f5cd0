package stripeapi_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"tallystick/internal/billing"
	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesim"
	"tallystick/internal/testkit"
)

func never(o *stripeapi.Options) { o.ProbeEvery = time.Hour }

func TestGateCloses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault  string
		after  int // requests until it closes; 0: never
		health billing.StripeHealth
	}{
		{"unauthorized", 1, billing.StripeInvalidKey},
		{"forbidden", 0, billing.StripeForbidden},
		{"server_error", 3, billing.StripeUnreachable},
		{"garbage", 3, billing.StripeUnreachable},
		{"drop_before", 3, billing.StripeUnreachable},
		{"drop_after", 3, billing.StripeUnreachable},
		{"rate_limit", 0, billing.StripeRateLimited},
		{"refuse", 0, billing.StripeOK},
		{"card_declined", 0, billing.StripeOK},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			l := newLink(t, never)
			l.fault(t, stripesim.Fault{Kind: tt.fault})
			for i := range 5 {
				testkit.Equal(t, "available", l.Available(), tt.after == 0 || i < tt.after)
				log := &calls{}
				err := l.create(stripeapi.WithRecorder(t.Context(), log), "key", "Team")
				if err == nil {
					t.Fatal("the request did not fail")
				}
				kept := tt.after > 0 && i >= tt.after
				testkit.Equal(t, "not sent", stripeapi.Classify(err).NotSent, kept)
				testkit.Equal(t, "recorded", len(log.started), map[bool]int{true: 0, false: 1}[kept])
			}
			testkit.Equal(t, "health", l.Health(), tt.health)
		})
	}
}

func TestGateReopens(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	ctx, stop := context.WithCancel(t.Context())
	recovered, watched := make(chan struct{}, 10), make(chan struct{})
	l.fault(t, stripesim.Fault{Kind: "unauthorized"})
	go func() {
		defer close(watched)
		l.Watch(ctx, l.Ping, func() { recovered <- struct{}{} })
	}()
	for l.Available() {
		_ = l.Ping(t.Context())
	}
	testkit.Equal(t, "health", l.Health(), billing.StripeInvalidKey)
	l.heal(t)
	<-recovered // by the watch alone
	testkit.Equal(t, "available", l.Available(), true)
	testkit.Equal(t, "health", l.Health(), billing.StripeOK)
	stop()
	<-watched
	testkit.Equal(t, "times it was told", len(recovered), 0)
}

// What says nothing of Stripe does not close the gate: a caller that has gone,
// or a database that did not take the record.
func TestGateIgnoresWhatIsNotStripes(t *testing.T) {
	t.Parallel()
	leaving := func(t *testing.T) context.Context {
		t.Helper()
		ctx, leave := context.WithCancel(t.Context())
		return stripeapi.WithRecorder(ctx, &calls{whenStarted: leave})
	}
	unrecorded := func(t *testing.T) context.Context {
		t.Helper()
		return stripeapi.WithRecorder(t.Context(), &calls{refuse: errNoDatabase})
	}
	for name, who := range map[string]func(*testing.T) context.Context{"caller": leaving, "record": unrecorded} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLink(t, never)
			for range 5 {
				if err := l.create(who(t), "key", "Team"); err == nil {
					t.Fatal("the request did not fail")
				}
			}
			testkit.Equal(t, "available", l.Available(), true)
			testkit.Equal(t, "health", l.Health(), billing.StripeOK)
		})
		t.Run(name+" of a probe", func(t *testing.T) {
			t.Parallel()
			l := newLink(t)
			l.fault(t, stripesim.Fault{Kind: "unauthorized", Count: 1})
			_ = l.Ping(t.Context())
			testkit.Equal(t, "available", l.Available(), false)
			for range 5 {
				_ = l.create(who(t), "key", "Team")
			}
			testkit.Equal(t, "available", l.Available(), false)
			for !l.Available() { // another one tries, and may
				_ = l.Ping(t.Context())
			}
		})
	}
}

func TestRequestsAreRecorded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault     stripesim.Fault
		status    int
		errorCode string
		requestID bool
	}{
		{fault: stripesim.Fault{Kind: "delay"}, status: 200, requestID: true},
		{fault: stripesim.Fault{Kind: "refuse", Code: "resource_missing"}, status: 400, errorCode: "resource_missing", requestID: true},
		{fault: stripesim.Fault{Kind: "refuse"}, status: 400, errorCode: "invalid_request_error", requestID: true},
		{fault: stripesim.Fault{Kind: "unauthorized"}, status: 401, errorCode: "invalid_request_error"},
		{fault: stripesim.Fault{Kind: "rate_limit"}, status: 429, errorCode: "rate_limit", requestID: true},
		{fault: stripesim.Fault{Kind: "server_error"}, status: 500, errorCode: "api_error", requestID: true},
		{fault: stripesim.Fault{Kind: "garbage"}, status: 502, errorCode: "not_stripe"},
		{fault: stripesim.Fault{Kind: "drop_after"}, errorCode: "connection_lost"},
	} {
		t.Run(tt.fault.Kind+" "+tt.fault.Code, func(t *testing.T) {
			t.Parallel()
			l := newLink(t)
			l.fault(t, tt.fault)
			log := &calls{}
			_ = l.create(stripeapi.WithRecorder(t.Context(), log), "key", "Team")
			if len(log.started) != 1 || len(log.finished) != 1 { // stripe-go would repeat some of them unseen
				t.Fatalf("%d requests started, %d finished", len(log.started), len(log.finished))
			}
			first, last := log.started[0], log.finished[0]
			testkit.Equal(t, "request", first.Method+" "+first.Path+" "+first.IdempotencyKey, "POST /v1/products key")
			testkit.Equal(t, "status before", first.Status, 0)
			testkit.Equal(t, "status", last.Status, tt.status)
			testkit.Equal(t, "error code", last.ErrorCode, tt.errorCode)
			testkit.Equal(t, "has a request id", last.RequestID != "", tt.requestID)
			testkit.Equal(t, "took time", last.Duration > 0, true)
		})
	}
}

func TestNoRequestWithoutARecord(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	log := &calls{refuse: errNoDatabase}
	err := l.create(stripeapi.WithRecorder(t.Context(), log), "key", "Team")
	if !errors.Is(err, errNoDatabase) || stripeapi.AsError(err) != nil {
		t.Fatalf("the error: %v", err)
	}
	testkit.Equal(t, "finished", len(log.finished), 0)
	products := l.Products.List(nil)
	for products.Next() {
		t.Error("the request has left")
	}
	if products.Err() != nil {
		t.Fatal(products.Err())
	}
}
