package commands

import (
	"errors"

	"tallystick/internal/billing"
)

// at points a refusal to an input field.
func at(err error, path ...string) error {
	var e *billing.Error
	if errors.As(err, &e) {
		return e.At(path...)
	}
	return err
}

// about points a refusal to an input field, and names the object.
func about(id string, err error, path ...string) error {
	var e *billing.Error
	if errors.As(err, &e) {
		return e.At(path...).About(id)
	}
	return err
}

// checkID checks the id of an object of a kind ("product") in an input field.
// One of another kind names nothing.
func checkID(kind, prefix, id, field string) error {
	got, err := billing.ParseID(id)
	if err != nil {
		return at(err, field)
	}
	if got != prefix {
		return billing.NotFound(kind, id).At(field)
	}
	return nil
}

// first is the first refusal among the checks of an input.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// optional checks a text that may be left out.
func optional(what string, s *string, most int, field string) error {
	if s == nil {
		return nil
	}
	return at(billing.CheckOptionalText(what, *s, most), field)
}

func valueOr[T any](p *T, other T) T {
	if p != nil {
		return *p
	}
	return other
}
