package stripeapi

import (
	"testing"
	"time"

	"golang.org/x/time/rate"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	t.Run("knows the account's limit by its key", func(t *testing.T) {
		t.Parallel()
		for _, tt := range []struct {
			options Options
			want    rate.Limit
		}{
			{Options{SecretKey: "sk_live_1"}, 100},
			{Options{SecretKey: "rk_live_1"}, 100},
			{Options{SecretKey: "sk_test_1"}, 25},
			{Options{SecretKey: "sk_test_1", Sandbox: true}, rate.Inf},
			{Options{SecretKey: "sk_live_1", WritesPerSecond: 7}, 7},
		} {
			l := newLimiter(tt.options)
			if got := l.all.Limit(); got != tt.want {
				t.Errorf("%+v: %v, want %v", tt.options, got, tt.want)
			}
			if got := l.background.Limit(); got > tt.want*backgroundShare {
				t.Errorf("%+v: background %v of %v", tt.options, got, tt.want)
			}
		}
	})
	t.Run("slows down once for a burst of 429s, and speeds up again", func(t *testing.T) {
		t.Parallel()
		l := newLimiter(Options{SecretKey: "sk_live_1"})
		for range 10 {
			l.report(true)
		}
		if got := l.all.Limit(); got != 50 {
			t.Errorf("after a burst: %v", got)
		}
		later := func() { l.slowedAt = l.slowedAt.Add(-2 * time.Second) }
		for range 20 {
			later()
			l.report(true)
		}
		if got := l.all.Limit(); got != 1 {
			t.Errorf("it comes to a standstill: %v", got)
		}
		l.report(false)
		if got := l.all.Limit(); got != 1 {
			t.Errorf("it speeds up at once: %v", got)
		}
		for range 30 {
			later()
			l.report(false)
		}
		if got := l.all.Limit(); got != 100 {
			t.Errorf("it does not come back: %v", got)
		}
	})
	t.Run("of the sandbox slows down too", func(t *testing.T) {
		t.Parallel()
		l := newLimiter(Options{Sandbox: true})
		l.report(true)
		if got := l.all.Limit(); got != 50 {
			t.Errorf("after a 429: %v", got)
		}
		for range 30 {
			l.slowedAt = l.slowedAt.Add(-2 * time.Second)
			l.report(false)
		}
		if got := l.all.Limit(); got != rate.Inf {
			t.Errorf("it does not come back: %v", got)
		}
	})
}
