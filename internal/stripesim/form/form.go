// Package form reads the parameters of a request by Stripe's rules and in its words.
// What nobody reads is refused: no parameter is dropped in silence.
package form

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tallystick/internal/stripesim/apierror"
)

// Field is one node of a decoded form: a leaf with a value, or an object or array with
// children. Array elements are children named by their index.
type Field struct {
	Value    string
	Leaf     bool
	Children map[string]*Field
	Order    []string
}

func (f *Field) child(name string) *Field {
	if f.Children[name] == nil {
		if f.Children == nil {
			f.Children = map[string]*Field{}
		}
		f.Children[name] = &Field{}
		f.Order = append(f.Order, name)
	}
	return f.Children[name]
}

// Params reads one request's form, or one object inside it. Each reader takes a
// parameter by name and remembers what is wrong with it; done then reports the first
// problem, and every parameter that no reader asked for.
//
// Optional values come as pointers: nil means that the request did not mention the
// parameter.
type Params struct {
	Fields *Field
	Path   string
	read   map[string]bool
	first  **apierror.Error
	opened *[]*Params
}

// DecodeForm turns a[b][0]=c pairs into the tree that params reads.
func DecodeForm(values url.Values) *Params {
	root := &Field{}
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
					segment = strconv.Itoa(len(node.Order))
				}
				node = node.child(segment)
			}
			node.Value, node.Leaf = value, true
		}
	}
	p := &Params{Fields: root, read: map[string]bool{}, first: new(*apierror.Error), opened: &[]*Params{}}
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

// splitName splits recurring[interval] into its segments; an empty segment stands for
// "the next index".
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

// Name is the parameter's full name, as errors quote it.
func (p *Params) Name(key string) string {
	if p.Path == "" {
		return key
	}
	return p.Path + "[" + key + "]"
}

// Fail notes a problem. The first one is what done reports.
func (p *Params) Fail(e *apierror.Error) {
	if *p.first == nil {
		*p.first = e.BeforeWork()
	}
}

// Take returns a parameter in whatever form it came; nil when it is absent.
func (p *Params) Take(key string) *Field {
	p.read[key] = true
	return p.Fields.Children[key]
}

// leaf returns the plain value of key, or nil when it is absent or (an error) not plain.
func (p *Params) leaf(key, wanted string) *string {
	f := p.Take(key)
	switch {
	case f == nil:
		return nil
	case !f.Leaf:
		p.Fail(apierror.Invalid(p.Name(key), "Invalid %s: {}", wanted))
		return nil
	}
	return &f.Value
}

// Clearable reads a string of at most limit characters that an empty value unsets.
func (p *Params) Clearable(key string, limit int) *string {
	value := p.leaf(key, "string")
	if value != nil && len([]rune(*value)) > limit {
		p.Fail(apierror.Invalid(p.Name(key), "Invalid string: %s; must be at most %d characters", shorten(*value), limit))
	}
	return value
}

// Text reads a string of at most limit characters that cannot be empty.
func (p *Params) Text(key string, limit int) *string {
	value := p.Clearable(key, limit)
	if value != nil && *value == "" {
		p.Fail(emptyString(p.Name(key)))
		return nil
	}
	return value
}

func emptyString(name string) *apierror.Error {
	return apierror.Invalid(name, "You passed an empty string for '%s'. We assume empty values are an attempt to unset a field; however '%s' cannot be unset. You should remove '%s' from your request or supply a non-empty value.",
		name, name, name).WithCode("parameter_invalid_empty")
}

// Required reads a string that must be there.
func (p *Params) Required(key string, limit int) string {
	value := p.Text(key, limit)
	if value == nil {
		p.Missing(key)
		return ""
	}
	return *value
}

// Missing notes that a required parameter is not there.
func (p *Params) Missing(key string) {
	p.Fail(apierror.Invalid(p.Name(key), "Missing required param: %s.", p.Name(key)).WithCode("parameter_missing"))
}

// Boolean reads true or false.
func (p *Params) Boolean(key string) *bool {
	value := p.leaf(key, "boolean")
	if value == nil {
		return nil
	}
	answer := *value == "true"
	if !answer && *value != "false" {
		p.Fail(apierror.Invalid(p.Name(key), "Invalid boolean: %s", *value))
	}
	return &answer
}

// Integer reads a whole number.
func (p *Params) Integer(key string) *int64 {
	value := p.leaf(key, "integer")
	if value == nil {
		return nil
	}
	number, err := strconv.ParseInt(*value, 10, 64)
	if err != nil {
		p.Fail(apierror.Invalid(p.Name(key), "Invalid integer: %s", *value).WithCode("parameter_invalid_integer"))
		return nil
	}
	return &number
}

// Between reads an integer that must lie within low and high.
func (p *Params) Between(key string, low, high int64) *int64 {
	number := p.Integer(key)
	switch {
	case number == nil:
		return nil
	case *number < low:
		p.Fail(apierror.Invalid(p.Name(key), "This value must be greater than or equal to %d.", low).WithCode("parameter_invalid_integer"))
		return nil
	case *number > high:
		p.Fail(apierror.Invalid(p.Name(key), "This value must be less than or equal to %d.", high).WithCode("parameter_invalid_integer"))
		return nil
	}
	return number
}

// Limit reads how many elements a page of a list is to have. Stripe takes what lies
// outside of 1 to 100 for the nearest.
func (p *Params) Limit() int {
	return int(min(max(OrDefault(p.Integer("limit"), 10), 1), 100))
}

// Choice reads one of the allowed words; allow "" to let an empty value unset the field.
func (p *Params) Choice(key string, allowed ...string) *string {
	value := p.leaf(key, "string")
	if value == nil || slices.Contains(allowed, *value) {
		return value
	}
	if *value == "" {
		p.Fail(emptyString(p.Name(key)))
		return nil
	}
	p.Fail(apierror.Invalid(p.Name(key), "Invalid %s: must be one of %s", p.Name(key), OrList(allowed)))
	return nil
}

// Object opens a nested object, or returns nil when there is none. An empty value
// counts as none, see cleared.
func (p *Params) Object(key string) *Params {
	f := p.Take(key)
	if f == nil {
		return nil
	}
	if f.Leaf {
		if f.Value != "" {
			p.Fail(apierror.Invalid(p.Name(key), "Invalid object"))
		}
		return nil
	}
	return p.open(key, f)
}

// Cleared says whether key was passed as an empty string, Stripe's way to unset an
// object or array.
func (p *Params) Cleared(key string) bool {
	f := p.Fields.Children[key]
	return f != nil && f.Leaf && f.Value == ""
}

// Objects opens each element of an array of objects.
func (p *Params) Objects(key string) []*Params {
	f := p.Take(key)
	if f == nil || p.Cleared(key) {
		return nil
	}
	list := p.open(key, f)
	var elements []*Params
	for _, index := range f.Order {
		if element := list.Object(index); element != nil {
			elements = append(elements, element)
		}
	}
	if f.Leaf {
		p.Fail(apierror.Invalid(p.Name(key), "Invalid array"))
	}
	return elements
}

// Texts reads an array of strings; the second result says whether the request mentions
// it at all.
func (p *Params) Texts(key string) ([]string, bool) {
	f := p.Take(key)
	if f == nil {
		return nil, false
	}
	values := []string{}
	if f.Leaf && f.Value != "" {
		p.Fail(apierror.Invalid(p.Name(key), "Invalid array"))
		return values, true
	}
	for _, index := range f.Order {
		if element := f.Children[index]; element.Leaf {
			values = append(values, element.Value)
		} else {
			p.Fail(apierror.Invalid(p.Name(key)+"["+index+"]", "Invalid string: {}"))
		}
	}
	return values, true
}

func (p *Params) open(key string, f *Field) *Params {
	child := &Params{Fields: f, Path: p.Name(key), read: map[string]bool{}, first: p.first, opened: p.opened}
	*p.opened = append(*p.opened, child)
	return child
}

// Done ends the reading: it reports the parameters that nobody asked for, then the
// first problem a reader met. The parameters named in unmodelled are Stripe's, but not
// the sandbox's: it says so instead of ignoring them.
func (p *Params) Done(unmodelled ...string) error {
	var unknown []string
	for _, opened := range *p.opened {
		for _, key := range opened.Fields.Order {
			name := opened.Name(key)
			switch {
			case opened.read[key]:
			case slices.Contains(unmodelled, name):
				p.Fail(apierror.Invalid(name, "The sandbox does not model the parameter: %s", name))
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

func unknownParameters(names []string) *apierror.Error {
	word := "parameter"
	if len(names) > 1 {
		word = "parameters"
	}
	return apierror.Invalid(names[0], "Received unknown %s: %s", word, strings.Join(names, ", ")).
		WithCode("parameter_unknown").BeforeWork()
}

// shorten keeps a long value from filling an error message.
func shorten(value string) string {
	if runes := []rune(value); len(runes) > 30 {
		return string(runes[:10]) + "..." + string(runes[len(runes)-10:])
	}
	return value
}

// OrList joins words the way Stripe lists alternatives: a, b, or c.
func OrList(words []string) string {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	if len(words) < 3 {
		return strings.Join(words, " or ")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + ", or " + words[last]
}

// Set overwrites target when the request mentioned the parameter.
func Set[T any](target *T, value *T) {
	if value != nil {
		*target = *value
	}
}

// SetNullable is set for fields that are null when empty.
func SetNullable(target **string, value *string) {
	switch {
	case value == nil:
	case *value == "":
		*target = nil
	default:
		*target = value
	}
}

// OrDefault is the value of an optional parameter.
func OrDefault[T any](value *T, fallback T) T {
	if value == nil {
		return fallback
	}
	return *value
}

// MaxText is Stripe's limit for most strings.
const MaxText = 5000

// MaxBody is the largest request body that the sandbox reads.
const MaxBody = 1 << 20
