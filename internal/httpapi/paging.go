package httpapi

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

const (
	firstArgument = "first"
	lastArgument  = "last"
)

// page is what a document says about the page of one connection field. The resolvers'
// eager loading reads a field's raw arguments and takes the lack of both as
// "everything", so the default must stand in the document itself.
//
// Where an argument is a variable, its value is only known with a request, and the
// variable may be used elsewhere too. Both arguments then refer to variables of the
// field's own instead, under names no client can write, and each request sets those
// (see slots.set).
type page struct {
	first, last *ast.Value // as the client wrote them; nil: not given
	slots       *slots     // nil: both are literals
}

type slots struct{ first, last string }

// pageOf completes the arguments of a connection field that has just been validated,
// and reports what it found.
func pageOf(field *ast.Field, number, defaultPage int) page {
	p := page{first: argument(field, firstArgument), last: argument(field, lastArgument)}
	switch {
	case isVariable(p.first) || isVariable(p.last):
		prefix := "page:" + strconv.Itoa(number) + ":"
		p.slots = &slots{first: prefix + firstArgument, last: prefix + lastArgument}
		setArgument(field, firstArgument, &ast.Value{Kind: ast.Variable, Raw: p.slots.first})
		setArgument(field, lastArgument, &ast.Value{Kind: ast.Variable, Raw: p.slots.last})
	case isNull(p.first) && isNull(p.last):
		p.first = &ast.Value{Kind: ast.IntValue, Raw: strconv.Itoa(defaultPage)}
		setArgument(field, firstArgument, p.first)
	}
	return p
}

// size settles how many entries the field asks for with these variables, and sets the
// variables that stand for it.
func (p page) size(vars map[string]any, limits Limits) (int64, error) {
	first, err := pageNumber(firstArgument, p.first, vars, limits)
	if err != nil {
		return 0, err
	}
	last, err := pageNumber(lastArgument, p.last, vars, limits)
	if err != nil {
		return 0, err
	}
	switch {
	case first != 0 && last != 0:
		return 0, fmt.Errorf("%s and %s cannot be used together", firstArgument, lastArgument)
	case first == 0 && last == 0:
		first = int64(limits.DefaultPage)
	}
	if p.slots != nil {
		p.slots.set(vars, first, last)
	}
	return first + last, nil
}

func (s *slots) set(vars map[string]any, first, last int64) {
	if first != 0 {
		vars[s.first] = first
	}
	if last != 0 {
		vars[s.last] = last
	}
}

// pageNumber reads first or last; 0 means that it is not given, or null.
func pageNumber(name string, value *ast.Value, vars map[string]any, limits Limits) (int64, error) {
	if isNull(value) {
		return 0, nil
	}
	var given any = value.Raw
	if value.Kind == ast.Variable {
		given = vars[value.Raw]
	}
	if given == nil {
		return 0, nil
	}
	n, ok := wholeNumber(given)
	switch {
	case !ok:
		return 0, fmt.Errorf("%s must be a whole number", name)
	case n < 1 || n > int64(limits.PageSize):
		return 0, fmt.Errorf("%s must be between 1 and %d, not %d", name, limits.PageSize, n)
	}
	return n, nil
}

// wholeNumber accepts every form in which the coercion of variables lets an Int pass.
func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	case json.Number:
		n, err := v.Int64()
		return n, err == nil
	}
	return 0, false
}

// isConnection tells a Relay connection by the name of its type.
func isConnection(typeName string) bool { return strings.HasSuffix(typeName, "Connection") }

// isPaged tells a field that serves a connection in pages.
func isPaged(field *ast.Field) bool {
	return field.Definition != nil && isConnection(field.Definition.Type.NamedType) &&
		field.Definition.Arguments.ForName(firstArgument) != nil
}

func isVariable(v *ast.Value) bool { return v != nil && v.Kind == ast.Variable }

func isNull(v *ast.Value) bool { return v == nil || v.Kind == ast.NullValue }

func argument(field *ast.Field, name string) *ast.Value {
	if arg := field.Arguments.ForName(name); arg != nil {
		return arg.Value
	}
	return nil
}

func setArgument(field *ast.Field, name string, value *ast.Value) {
	value.Position = field.Position
	if arg := field.Arguments.ForName(name); arg != nil {
		arg.Value = value
		return
	}
	field.Arguments = append(field.Arguments, &ast.Argument{Name: name, Value: value, Position: field.Position})
}
