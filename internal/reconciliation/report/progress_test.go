package report

import (
	"bytes"
	"testing"
	"time"
)

// TestProgressInLines goes through objects, one a second, where there is no terminal.
func TestProgressInLines(t *testing.T) {
	var out bytes.Buffer
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := &progress{out: &out, now: func() time.Time { now = now.Add(time.Second); return now }}
	for i := range 25 {
		kind := "product"
		if i > 15 {
			kind = "price"
		}
		if err := p.next(t.Context(), kind); err != nil {
			t.Fatal(err)
		}
	}
	p.end()
	const want = "11 objects compared, now the products\n21 objects compared, now the prices\n"
	if out.String() != want {
		t.Errorf("%q", out.String())
	}
}
