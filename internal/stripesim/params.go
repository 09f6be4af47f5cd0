package stripesim

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// field is one node of a decoded form: a leaf with a value, or an object or array with children. Array elements are
// children named by their index.
type field struct {
	value    string
	leaf     bool
	children map[string]*field
	order    []string
}

func (f *field) child(name string) *field {
	if f.children[name] == nil {
		if f.children == nil {
			f.children = map[string]*field{}
		}
		f.children[name] = &field{}
		f.order = append(f.order, name)
	}
	return f.children[name]
}

// params reads one request's form, or one object inside it. Each reader takes a parameter by name and remembers what is
// wrong with it; done then reports the first problem, and every parameter that no reader asked for.
//
// Optional values come as pointers: nil means that the request did not mention the parameter.
type params struct {
	fields *field
	path   string
	read   map[string]bool
	first  **apiError
	opened *[]*params
}

// decodeForm turns a[b][0]=c pairs into the tree that params reads.
func decodeForm(values url.Values) *params {
	root := &field{}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.SortFunc(names, compareIndexed)
	for _, name := range names {
		for _, value := range values[name] {
			node := root
			for _, segment := range splitName(name) {
				if segment == "" {
					segment = strconv.Itoa(len(node.order))
				}
				node = node.child(segment)
			}
			node.value, node.leaf = value, true
		}
	}
	p := &params{fields: root, read: map[string]bool{}, first: new(*apiError), opened: &[]*params{}}
	*p.opened = append(*p.opened, p)
	return p
}

// compareIndexed orders names so that items[10] comes after items[9].
func compareIndexed(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// splitName splits recurring[interval] into its segments; an empty segment stands for "the next index".
func splitName(name string) []string {
	head, rest, nested := strings.Cut(name, "[")
	if !nested {
		return []string{name}
	}
	segments := []string{head}
	for _, part := range strings.Split(rest, "[") {
		segments = append(segments, strings.TrimSuffix(part, "]"))
	}
	return segments
}

// name is the parameter's full name, as errors quote it.
func (p *params) name(key string) string {
	if p.path == "" {
		return key
	}
	return p.path + "[" + key + "]"
}

func (p *params) fail(e *apiError) {
	if *p.first == nil {
		*p.first = e.beforeWork()
	}
}

func (p *params) take(key string) *field {
	p.read[key] = true
	return p.fields.children[key]
}

// leaf returns the plain value of key, or nil when it is absent or (an error) not plain.
func (p *params) leaf(key, wanted string) *string {
	f := p.take(key)
	switch {
	case f == nil:
		return nil
	case !f.leaf:
		p.fail(invalid(p.name(key), "Invalid %s: {}", wanted))
		return nil
	}
	return &f.value
}

// clearable reads a string of at most limit characters that an empty value unsets.
func (p *params) clearable(key string, limit int) *string {
	value := p.leaf(key, "string")
	if value != nil && len([]rune(*value)) > limit {
		p.fail(invalid(p.name(key), "Invalid string: %s; must be at most %d characters", shorten(*value), limit))
	}
	return value
}

// text reads a string of at most limit characters that cannot be empty.
func (p *params) text(key string, limit int) *string {
	value := p.clearable(key, limit)
	if value != nil && *value == "" {
		p.fail(emptyString(p.name(key)))
		return nil
	}
	return value
}

func emptyString(name string) *apiError {
	return invalid(name, "You passed an empty string for '%s'. We assume empty values are an attempt to unset a field; however '%s' cannot be unset. You should remove '%s' from your request or supply a non-empty value.",
		name, name, name).withCode("parameter_invalid_empty")
}

// required reads a string that must be there.
func (p *params) required(key string, limit int) string {
	value := p.text(key, limit)
	if value == nil {
		p.missing(key)
		return ""
	}
	return *value
}

func (p *params) missing(key string) {
	p.fail(invalid(p.name(key), "Missing required param: %s.", p.name(key)).withCode("parameter_missing"))
}

func (p *params) boolean(key string) *bool {
	value := p.leaf(key, "boolean")
	if value == nil {
		return nil
	}
	answer := *value == "true"
	if !answer && *value != "false" {
		p.fail(invalid(p.name(key), "Invalid boolean: %s", *value))
	}
	return &answer
}

func (p *params) integer(key string) *int64 {
	value := p.leaf(key, "integer")
	if value == nil {
		return nil
	}
	number, err := strconv.ParseInt(*value, 10, 64)
	if err != nil {
		p.fail(invalid(p.name(key), "Invalid integer: %s", *value).withCode("parameter_invalid_integer"))
		return nil
	}
	return &number
}

// between reads an integer that must lie within low and high.
func (p *params) between(key string, low, high int64) *int64 {
	number := p.integer(key)
	switch {
	case number == nil:
		return nil
	case *number < low:
		p.fail(invalid(p.name(key), "This value must be greater than or equal to %d.", low).withCode("parameter_invalid_integer"))
		return nil
	case *number > high:
		p.fail(invalid(p.name(key), "This value must be less than or equal to %d.", high).withCode("parameter_invalid_integer"))
		return nil
	}
	return number
}

// choice reads one of the allowed words; allow "" to let an empty value unset the field.
func (p *params) choice(key string, allowed ...string) *string {
	value := p.leaf(key, "string")
	if value == nil || slices.Contains(allowed, *value) {
		return value
	}
	if *value == "" {
		p.fail(emptyString(p.name(key)))
		return nil
	}
	p.fail(invalid(p.name(key), "Invalid %s: must be one of %s", p.name(key), orList(allowed)))
	return nil
}

// object opens a nested object, or returns nil when there is none. An empty value counts as none, see cleared.
func (p *params) object(key string) *params {
	f := p.take(key)
	if f == nil {
		return nil
	}
	if f.leaf {
		if f.value != "" {
			p.fail(invalid(p.name(key), "Invalid object"))
		}
		return nil
	}
	return p.open(key, f)
}

// cleared says whether key was passed as an empty string, Stripe's way to unset an object or array.
func (p *params) cleared(key string) bool {
	f := p.fields.children[key]
	return f != nil && f.leaf && f.value == ""
}

// objects opens each element of an array of objects.
func (p *params) objects(key string) []*params {
	f := p.take(key)
	if f == nil || p.cleared(key) {
		return nil
	}
	list := p.open(key, f)
	var elements []*params
	for _, index := range f.order {
		if element := list.object(index); element != nil {
			elements = append(elements, element)
		}
	}
	if f.leaf {
		p.fail(invalid(p.name(key), "Invalid array"))
	}
	return elements
}

// texts reads an array of strings; the second result says whether the request mentions it at all.
func (p *params) texts(key string) ([]string, bool) {
	f := p.take(key)
	if f == nil {
		return nil, false
	}
	values := []string{}
	if f.leaf && f.value != "" {
		p.fail(invalid(p.name(key), "Invalid array"))
		return values, true
	}
	for _, index := range f.order {
		if element := f.children[index]; element.leaf {
			values = append(values, element.value)
		} else {
			p.fail(invalid(p.name(key)+"["+index+"]", "Invalid string: {}"))
		}
	}
	return values, true
}

func (p *params) open(key string, f *field) *params {
	child := &params{fields: f, path: p.name(key), read: map[string]bool{}, first: p.first, opened: p.opened}
	*p.opened = append(*p.opened, child)
	return child
}

// done ends the reading: it reports the parameters that nobody asked for, then the first problem a reader met. The
// parameters named in unmodelled are Stripe's, but not the sandbox's: it says so instead of ignoring them.
func (p *params) done(unmodelled ...string) error {
	var unknown []string
	for _, opened := range *p.opened {
		for _, key := range opened.fields.order {
			name := opened.name(key)
			switch {
			case opened.read[key]:
			case slices.Contains(unmodelled, name):
				p.fail(invalid(name, "The sandbox does not model the parameter: %s", name))
			default:
				unknown = append(unknown, name)
			}
		}
	}
	if len(unknown) > 0 {
		return unknownParameters(unknown)
	}
	if *p.first != nil {
		return *p.first
	}
	return nil
}

func unknownParameters(names []string) *apiError {
	word := "parameter"
	if len(names) > 1 {
		word = "parameters"
	}
	return invalid(names[0], "Received unknown %s: %s", word, strings.Join(names, ", ")).
		withCode("parameter_unknown").beforeWork()
}

// shorten keeps a long value from filling an error message.
func shorten(value string) string {
	if runes := []rune(value); len(runes) > 30 {
		return string(runes[:10]) + "..." + string(runes[len(runes)-10:])
	}
	return value
}

// orList joins words the way Stripe lists alternatives: a, b, or c.
func orList(words []string) string {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	if len(words) < 3 {
		return strings.Join(words, " or ")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + ", or " + words[last]
}

// set overwrites target when the request mentioned the parameter.
func set[T any](target *T, value *T) {
	if value != nil {
		*target = *value
	}
}

// setNullable is set for fields that are null when empty.
func setNullable(target **string, value *string) {
	switch {
	case value == nil:
	case *value == "":
		*target = nil
	default:
		*target = value
	}
}

// orDefault is the value of an optional parameter.
func orDefault[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}
