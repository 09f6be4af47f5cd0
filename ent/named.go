package ent

// named are the rows of an edge under a name that a document gives it, and those under its
// other names: so few that a list is faster than a map.
type named[T any] struct {
	name string
	rows []*T
	next *named[T]
}

// of returns the rows that were loaded under a name, or an error when none were.
func (n *named[T]) of(name string) ([]*T, error) {
	for ; n != nil; n = n.next {
		if n.name == name {
			return n.rows, nil
		}
	}
	return nil, &NotLoadedError{edge: name}
}

// add adds rows to those under a name, which may be none, and returns the list.
func (n *named[T]) add(name string, rows []*T) *named[T] {
	for at := n; at != nil; at = at.next {
		if at.name == name {
			at.rows = append(at.rows, rows...)
			return n
		}
	}
	return &named[T]{name, append([]*T{}, rows...), n}
}
