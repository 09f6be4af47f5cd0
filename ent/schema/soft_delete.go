package schema

import (
	"context"
	"fmt"

	"entgo.io/ent"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/mixin"

	gen "tallystick/ent"
	"tallystick/ent/hook"
	"tallystick/ent/intercept"
)

const deletedAt = "deleted_at"

// softDeleteMixin keeps deleted rows, out of sight: queries do not find them,
// updates refuse them, and a delete only sets deleted_at.
type softDeleteMixin struct{ mixin.Schema }

// SoftDeleted marks the types whose rows are deleted softly; the template for
// edge predicates (HasX) reads it.
type SoftDeleted struct{ Column string }

// Name implements ent's schema.Annotation.
func (SoftDeleted) Name() string { return "SoftDeleted" }

func (softDeleteMixin) Annotations() []schema.Annotation {
	return []schema.Annotation{SoftDeleted{Column: deletedAt}}
}

func (softDeleteMixin) Fields() []ent.Field {
	return []ent.Field{field.Time(deletedAt).Optional().Nillable()}
}

type withDeletedKey struct{}

// WithDeleted returns a context in which deleted rows are found and may be
// updated.
func WithDeleted(ctx context.Context) context.Context {
	return context.WithValue(ctx, withDeletedKey{}, true)
}

func seesDeleted(ctx context.Context) bool {
	see, _ := ctx.Value(withDeletedKey{}).(bool)
	return see
}

func (m softDeleteMixin) Interceptors() []ent.Interceptor {
	return []ent.Interceptor{
		intercept.TraverseFunc(func(ctx context.Context, q intercept.Query) error {
			if !seesDeleted(ctx) {
				m.live(q)
			}
			return nil
		}),
	}
}

func (m softDeleteMixin) Hooks() []ent.Hook {
	return []ent.Hook{
		hook.On(m.deleteSoftly, ent.OpDeleteOne|ent.OpDelete),
		hook.On(m.refuseDeleted, ent.OpUpdateOne|ent.OpUpdate),
	}
}

func (m softDeleteMixin) deleteSoftly(ent.Mutator) ent.Mutator {
	return ent.MutateFunc(func(ctx context.Context, mutation ent.Mutation) (ent.Value, error) {
		soft, ok := mutation.(interface {
			SetOp(ent.Op)
			Client() *gen.Client
			WhereP(...func(*sql.Selector))
		})
		if !ok {
			return nil, fmt.Errorf("soft delete: unexpected mutation %T", mutation)
		}
		m.live(soft)
		soft.SetOp(ent.OpUpdate)
		if err := mutation.SetField(deletedAt, now()); err != nil {
			return nil, err
		}
		return soft.Client().Mutate(ctx, mutation)
	})
}

func (m softDeleteMixin) refuseDeleted(next ent.Mutator) ent.Mutator {
	return ent.MutateFunc(func(ctx context.Context, mutation ent.Mutation) (ent.Value, error) {
		if w, ok := mutation.(interface{ WhereP(...func(*sql.Selector)) }); ok && !seesDeleted(ctx) {
			m.live(w)
		}
		return next.Mutate(ctx, mutation)
	})
}

func (softDeleteMixin) live(w interface{ WhereP(...func(*sql.Selector)) }) {
	w.WhereP(sql.FieldIsNull(deletedAt))
}
