package store

import (
	"context"

	"tallystick/ent/schema"
)

// WithDeleted returns a context in which rows that are softly deleted are
// found and may be updated.
func WithDeleted(ctx context.Context) context.Context { return schema.WithDeleted(ctx) }
