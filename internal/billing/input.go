package billing

import "errors"

// At points a rejection to an input field; other errors stay as they are.
func At(err error, path ...string) error {
	var e *Error
	if errors.As(err, &e) {
		return e.At(path...)
	}
	return err
}

// Under puts the input field that a rejection points to below another one:
// unitAmount under price becomes price.unitAmount.
func Under(field string, err error) error {
	var e *Error
	if errors.As(err, &e) && len(e.Path) > 0 {
		return e.At(append([]string{field}, e.Path[1:]...)...)
	}
	return err
}

// About names the object that a rejection is about; other errors stay as they
// are.
func About(id string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e.About(id)
	}
	return err
}

// CheckID checks the id of an object of a kind ("product") in an input field.
// A malformed one is INVALID_INPUT; one of another kind names nothing and is
// NOT_FOUND.
func CheckID(kind, prefix, id, field string) error {
	got, err := ParseID(id)
	if err != nil {
		return At(err, field)
	}
	if got != prefix {
		return NotFound(kind, id).At(field)
	}
	return nil
}

// CheckOptional checks a text in an input field that may be left out.
func CheckOptional(what string, s *string, most int, field string) error {
	if s == nil {
		return nil
	}
	return At(CheckOptionalText(what, *s, most), field)
}

// First is the first rejection among the checks of an input.
func First(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ValueOr is what a pointer leads to, or another value when it is nil.
func ValueOr[T any](p *T, other T) T {
	if p != nil {
		return *p
	}
	return other
}
