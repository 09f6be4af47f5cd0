package stripeapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"tallystick/internal/stripeapi"
	"tallystick/internal/stripesim"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	type want struct {
		outcome    stripeapi.Kind
		status     int
		typ, code  string
		keySpent   bool
		notSent    bool
		retryAfter time.Duration
		decline    string
		message    string // a part of it
	}
	refused := "invalid_request_error"
	for _, tt := range []struct {
		name  string
		fault stripesim.Fault
		send  func(l *link, ctx context.Context) error // by default, creates a product
		want  want
	}{
		{
			name: "a refusal", fault: stripesim.Fault{Kind: "refuse", Message: "No."},
			want: want{outcome: stripeapi.Rejected, status: 400, typ: refused, message: "No."},
		},
		{
			name: "a missing object", send: func(l *link, ctx context.Context) error {
				_, err := l.Customers.Get("cus_nope", &stripe.CustomerParams{Params: stripe.Params{Context: ctx}})
				return err
			},
			want: want{outcome: stripeapi.Rejected, status: 404, typ: refused, code: "resource_missing", message: "No such customer: 'cus_nope'"},
		},
		{
			name: "a missing parameter", send: func(l *link, ctx context.Context) error {
				_, err := l.Products.New(&stripe.ProductParams{Params: stripe.Params{Context: ctx}})
				return err
			},
			want: want{outcome: stripeapi.Rejected, status: 400, typ: refused, code: "parameter_missing", message: "Missing required param"},
		},
		{
			name: "a declined card", fault: stripesim.Fault{Kind: "card_declined", DeclineCode: "lost_card"},
			want: want{outcome: stripeapi.Rejected, status: 402, typ: "card_error", code: "card_declined", decline: "lost_card"},
		},
		{
			name: "an invalid key", fault: stripesim.Fault{Kind: "unauthorized"},
			want: want{outcome: stripeapi.Misconfigured, status: 401, typ: refused, message: "does not accept the API key"},
		},
		{
			name: "a key without the permission", fault: stripesim.Fault{Kind: "forbidden"},
			want: want{outcome: stripeapi.Misconfigured, status: 403, typ: refused, message: "permissions"},
		},
		{
			name: "a key that is in use", fault: stripesim.Fault{Kind: "refuse", Status: 409, Code: "idempotency_key_in_use"},
			want: want{outcome: stripeapi.Unavailable, status: 409, typ: refused, code: "idempotency_key_in_use"},
		},
		{
			name: "a key with other parameters", send: func(l *link, ctx context.Context) error {
				if err := l.create(ctx, "key", "Other"); err != nil {
					return err
				}
				return l.create(ctx, "key", "Team")
			},
			want: want{outcome: stripeapi.Unknown, status: 400, typ: "idempotency_error", keySpent: true},
		},
		{
			name: "too many requests", fault: stripesim.Fault{Kind: "rate_limit", RetryAfter: 2},
			want: want{outcome: stripeapi.Unavailable, status: 429, typ: refused, code: "rate_limit", retryAfter: 2 * time.Second},
		},
		{
			name: "a locked object", fault: stripesim.Fault{Kind: "lock_timeout"},
			want: want{outcome: stripeapi.Unavailable, status: 429, typ: refused, code: "lock_timeout"},
		},
		{
			name: "an unreasonable Retry-After", fault: stripesim.Fault{Kind: "rate_limit", RetryAfter: 86_400},
			want: want{outcome: stripeapi.Unavailable, status: 429, typ: refused, code: "rate_limit", retryAfter: time.Minute},
		},
		{
			name: "a server error", fault: stripesim.Fault{Kind: "server_error"},
			want: want{outcome: stripeapi.Unknown, status: 500, typ: "api_error"},
		},
		{
			name: "a server error of another status", fault: stripesim.Fault{Kind: "server_error", Status: 503},
			want: want{outcome: stripeapi.Unknown, status: 503, typ: "api_error"},
		},
		{
			name: "a server error that is new", fault: stripesim.Fault{Kind: "stored_error", Count: 1},
			want: want{outcome: stripeapi.Unknown, status: 500, typ: "api_error"},
		},
		{
			name: "a server error that Stripe remembers", fault: stripesim.Fault{Kind: "stored_error", Count: 1},
			send: func(l *link, ctx context.Context) error {
				if err := l.create(ctx, "key", "Team"); err == nil {
					return nil
				}
				return l.create(ctx, "key", "Team")
			},
			want: want{outcome: stripeapi.Unknown, status: 500, typ: "api_error", keySpent: true},
		},
		{
			name: "a proxy's page", fault: stripesim.Fault{Kind: "garbage"},
			want: want{outcome: stripeapi.Unknown, status: 502, message: "502"},
		},
		{
			name: "a proxy's page that refuses", fault: stripesim.Fault{Kind: "garbage", Status: 400},
			want: want{outcome: stripeapi.Unknown, status: 400},
		},
		{
			name: "a proxy's page in place of a success", fault: stripesim.Fault{Kind: "garbage", Status: 200},
			want: want{outcome: stripeapi.Unknown, status: 200},
		},
		{
			name: "a connection lost before the work", fault: stripesim.Fault{Kind: "drop_before"},
			want: want{outcome: stripeapi.Unknown},
		},
		{
			name: "a connection lost after the work", fault: stripesim.Fault{Kind: "drop_after"},
			want: want{outcome: stripeapi.Unknown},
		},
		{
			name: "a caller without patience", fault: stripesim.Fault{Kind: "delay", DelayMs: 60_000},
			send: func(l *link, ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
				return l.create(ctx, "key", "Team")
			},
			want: want{outcome: stripeapi.Unknown, message: "in time"},
		},
		{
			name: "nobody listens", send: func(l *link, ctx context.Context) error {
				l.server.Listener.Close()
				l.server.CloseClientConnections()
				return l.create(ctx, "key", "Team")
			},
			want: want{outcome: stripeapi.Unavailable, message: "cannot be reached"},
		},
		{
			name: "no such host", send: func(_ *link, ctx context.Context) error {
				nowhere := stripeapi.New(stripeapi.Options{SecretKey: secretKey, BaseURL: "http://stripe.invalid"})
				return nowhere.Ping(ctx)
			},
			want: want{outcome: stripeapi.Unavailable, message: "cannot be reached"},
		},
		{
			name: "the gate is closed", fault: stripesim.Fault{Kind: "unauthorized"},
			send: func(_ *link, ctx context.Context) error {
				l := newLink(t, func(o *stripeapi.Options) { o.ProbeEvery = time.Hour })
				l.fault(t, stripesim.Fault{Kind: "unauthorized"})
				if err := l.create(ctx, "key", "Team"); err == nil {
					return nil
				}
				return l.create(ctx, "key", "Team")
			},
			want: want{outcome: stripeapi.Unavailable, notSent: true},
		},
		{
			name: "a turn that does not come in time", send: func(_ *link, ctx context.Context) error {
				l := newLink(t, func(o *stripeapi.Options) { o.RequestsPerSecond = 0.001 })
				for i := range 100 {
					if err := l.create(ctx, fmt.Sprint("key", i), "Team"); err != nil {
						return err
					}
				}
				return nil
			},
			want: want{outcome: stripeapi.Unavailable, notSent: true},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLink(t)
			if tt.fault.Kind != "" {
				l.fault(t, tt.fault)
			}
			if tt.send == nil {
				tt.send = func(l *link, ctx context.Context) error { return l.create(ctx, "key", "Team") }
			}
			err := tt.send(l, t.Context())
			if err == nil {
				t.Fatal("the request did not fail")
			}
			if stripeapi.AsError(err) == nil {
				t.Fatalf("not a failure: %v", err)
			}
			f := stripeapi.Classify(err)
			got := want{
				outcome: f.Kind, status: f.Status, typ: f.Type, code: f.Code, keySpent: f.KeySpent, notSent: f.NotSent,
				retryAfter: f.RetryAfter, decline: f.DeclineCode, message: tt.want.message,
			}
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if !strings.Contains(f.Error(), tt.want.message) || f.Error() == "" {
				t.Errorf("message: %q", f.Error())
			}
			if got := stripeapi.IsRejected(err, f.Status); got != (f.Kind == stripeapi.Rejected) {
				t.Errorf("IsRejected: %t", got)
			}
			if text := f.Error() + l.log.String(); strings.Contains(text, secretKey) || strings.Contains(text, secretKey[len(secretKey)-4:]) {
				t.Errorf("the key, or a part of it, is in %q", text)
			}
		})
	}
}

func TestClassifyNothing(t *testing.T) {
	t.Parallel()
	if f := stripeapi.Classify(nil); f != nil {
		t.Errorf("no error is a failure: %v", f)
	}
	if stripeapi.AsError(errNoDatabase) != nil || stripeapi.AsError(nil) != nil {
		t.Error("what has nothing to do with Stripe is a failure of Stripe")
	}
}
