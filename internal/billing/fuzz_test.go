package billing_test

import (
	"strings"
	"testing"

	"tallystick/internal/billing"
)

// FuzzParseID accepts what it would give out, and says of all else that it is bad input,
// in a short message.
func FuzzParseID(f *testing.F) {
	id := billing.NewID(billing.CustomerPrefix)
	for _, seed := range []string{id, strings.ToUpper(id), id[:len(id)-1], id + "0", "cst_", "_", "", "sub_123", "cst_\n" + id[5:], strings.Repeat("x", 1000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		prefix, err := billing.ParseID(text)
		switch {
		case err == nil && (!strings.HasPrefix(text, prefix+"_") || len(text) != len(id)-len(billing.CustomerPrefix)+len(prefix)):
			t.Errorf("%q is an id of %q", text, prefix)
		case err != nil && (!billing.IsCode(err, billing.CodeInvalidInput) || len(err.Error()) > 500):
			t.Errorf("%q: %v", text, err)
		}
	})
}
