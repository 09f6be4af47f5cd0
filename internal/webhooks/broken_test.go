package webhooks_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"

	"tallystick/internal/testkit"
	"tallystick/internal/webhooks"
)

// TestBrokenDelivery: a body that could not be read is no fault of the sender's.
func TestBrokenDelivery(t *testing.T) {
	t.Parallel()
	delivery := httptest.NewRequest(http.MethodPost, "/stripe/webhook", iotest.ErrReader(errors.New("cut")))
	delivery.Header.Set("Stripe-Signature", "t=1,v1=00")
	answer := httptest.NewRecorder()
	webhooks.NewHandler(nil, []string{"whsec_test"}, slog.New(slog.DiscardHandler)).ServeHTTP(answer, delivery)
	testkit.Equal(t, "status", answer.Code, http.StatusServiceUnavailable)
}
