package store

import "context"

type selectiveKey struct{}

// Selective returns a context for queries whose best plan depends on the values
// they look for, as with a status that few rows have. PostgreSQL plans such a query
// for each execution instead of once for all values. SQLite ignores it.
func Selective(ctx context.Context) context.Context {
	return context.WithValue(ctx, selectiveKey{}, true)
}

func isSelective(ctx context.Context) bool {
	selective, _ := ctx.Value(selectiveKey{}).(bool)
	return selective
}
