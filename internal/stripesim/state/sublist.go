package state

import (
	"slices"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
)

// SublistPage is the part of a list inside an object that a request asks for.
type SublistPage struct {
	limit         int
	after, before *string
}

// ReadSublist reads the parameters of a page.
func (c *Request) ReadSublist() SublistPage {
	page := SublistPage{limit: c.Params.Limit(), after: c.Params.Text("starting_after", form.MaxText), before: c.Params.Text("ending_before", form.MaxText)}
	if page.after != nil && page.before != nil {
		c.Params.Fail(apierror.Invalid("", "You can only use one of ending_before or starting_after."))
	}
	return page
}

// PageOf is the page of a list inside an object, whose elements have ids.
func PageOf[T any](page SublistPage, whole Sublist[T], id func(T) string) (Sublist[T], error) {
	part := whole
	first, last := 0, len(whole.Data)
	place := func(cursor, param string) (int, error) {
		i := slices.IndexFunc(whole.Data, func(element T) bool { return id(element) == cursor })
		if i < 0 {
			return 0, apierror.UnknownReference("line item", cursor, param)
		}
		return i, nil
	}
	switch {
	case page.after != nil:
		i, err := place(*page.after, "starting_after")
		if err != nil {
			return part, err
		}
		first = i + 1
		last = min(last, first+page.limit)
		part.HasMore = last < len(whole.Data)
	case page.before != nil:
		i, err := place(*page.before, "ending_before")
		if err != nil {
			return part, err
		}
		last = i
		first = max(first, last-page.limit)
		part.HasMore = first > 0
	default:
		last = min(last, page.limit)
		part.HasMore = last < len(whole.Data)
	}
	part.Data = append([]T{}, whole.Data[first:last]...)
	return part, nil
}
