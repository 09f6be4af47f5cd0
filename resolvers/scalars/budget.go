package scalars

import (
	"context"
	"encoding/json"
	"io"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
)

// Budget bounds what one answer may hold. Only metadata count against it: other
// long texts are few by what they cost, and everything else is short.
type Budget struct{ left atomic.Int64 }

type budgetKey struct{}

// WithBudget returns a context in which an answer may hold so many bytes of
// metadata.
func WithBudget(ctx context.Context, bytes int64) (context.Context, *Budget) {
	b := &Budget{}
	b.left.Store(bytes)
	return context.WithValue(ctx, budgetKey{}, b), b
}

// Exceeded reports whether the answer would hold more. It lacks some then.
func (b *Budget) Exceeded() bool { return b.left.Load() < 0 }

// spend reports whether so many bytes more still fit.
func spend(ctx context.Context, bytes int) bool {
	b, ok := ctx.Value(budgetKey{}).(*Budget)
	return !ok || b.left.Add(-int64(bytes)) >= 0
}

// MarshalMetadata writes an object, as long as the answer's budget lasts.
func MarshalMetadata(m map[string]string) graphql.ContextMarshaler {
	return graphql.ContextWriterFunc(func(ctx context.Context, w io.Writer) error {
		size := 2
		for key, value := range m {
			size += len(key) + len(value) + 6
		}
		if !spend(ctx, size) {
			return writeNull(w)
		}
		if m == nil {
			m = map[string]string{}
		}
		return json.NewEncoder(w).Encode(m)
	})
}

func writeNull(w io.Writer) error {
	_, err := io.WriteString(w, "null")
	return err
}
