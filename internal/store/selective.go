package store

import "context"

type selectiveKey struct{}

// Selective returns a context for queries whose best plan depends on what they look
// for: a status that a few rows have, and one that most have. PostgreSQL plans them
// anew each time; others it plans once, for values in general, by which a rare value
// is looked for in every row of a large table.
func Selective(ctx context.Context) context.Context {
	return context.WithValue(ctx, selectiveKey{}, true)
}

func isSelective(ctx context.Context) bool {
	selective, _ := ctx.Value(selectiveKey{}).(bool)
	return selective
}
