package simulation_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tallystick/internal/testkit"
)

// dashboard sends a request as somebody else does who has the account's key.
// Whether Stripe accepts it does not matter.
func (l *life) dashboard(method, path string, params object) {
	form := url.Values{}
	for name, value := range params {
		form.Set(name, fmt.Sprint(value))
	}
	req, err := http.NewRequestWithContext(l.t.Context(), method, l.Stripe.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testkit.SecretKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err == nil { // a fault may have cut it off
		resp.Body.Close()
	}
}
