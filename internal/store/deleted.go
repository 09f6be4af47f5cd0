package store

import (
	"context"

	"tallystick/ent/schema"
)

// WithDeleted returns a context in which queries find softly deleted rows too, and
// updates reach them.
func WithDeleted(ctx context.Context) context.Context { return schema.WithDeleted(ctx) }
