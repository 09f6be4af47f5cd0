package graph

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// NewSchema is gqlgen's executable schema, except that queries are answered by
// writers: generated code that calls the same resolvers, and appends what they
// return to the response at once. gqlgen's own executor makes a context, a
// closure and a marshaler for every value of the response first, which is most
// of what a nested read costs. Mutations, subscriptions and introspection are
// left to it.
//
// Root fields are answered at the same time, the fields below one after the
// other. A resolver must not use its context once it has returned. Middleware of
// fields does not run for queries.
func NewSchema(cfg Config) graphql.ExecutableSchema {
	return &directSchema{NewExecutableSchema(cfg).(*executableSchema)} //nolint:forcetypeassert // it is one
}

type directSchema struct{ *executableSchema }

// Exec implements [graphql.ExecutableSchema].
func (s *directSchema) Exec(ctx context.Context) graphql.ResponseHandler {
	opCtx := graphql.GetOperationContext(ctx)
	if opCtx.Operation.Operation != ast.Query {
		return s.executableSchema.Exec(ctx)
	}
	roots := graphql.CollectFields(opCtx, opCtx.Operation.SelectionSet, queryImplementors)
	if slices.ContainsFunc(roots, func(f graphql.CollectedField) bool { return f.Name == "__schema" || f.Name == "__type" }) {
		return s.executableSchema.Exec(ctx)
	}
	answered := false
	return func(ctx context.Context) *graphql.Response {
		if answered {
			return nil
		}
		answered = true
		return &graphql.Response{Data: s.query(ctx, opCtx, roots)}
	}
}

// query answers the root fields of a query. What it returns is the caller's, who may give
// it back: see [Recycle].
func (s *directSchema) query(ctx context.Context, opCtx *graphql.OperationContext, roots []graphql.CollectedField) []byte {
	if len(roots) == 0 {
		return []byte("{}")
	}
	ec := newExecutionContext(opCtx, s.executableSchema, nil)
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Query"})
	writers := make([]*writer, len(roots))
	answer := func(i int) {
		w := &writer{ec: ec, ctx: graphql.WithRootFieldContext(ctx, &graphql.RootFieldContext{Object: roots[i].Name, Field: roots[i]}), b: takeBuffer()}
		writers[i] = w
		if i == 0 {
			w.open()
		}
		f := newField(roots[i], nil)
		w.name(i, f)
		w.failed = !w.root(f)
	}
	if len(roots) == 1 {
		answer(0)
	} else {
		var all sync.WaitGroup
		for i := range roots {
			all.Go(func() { answer(i) })
		}
		all.Wait()
	}
	if slices.ContainsFunc(writers, func(w *writer) bool { return w.failed }) {
		return []byte("null")
	}
	b := writers[0].b
	for _, w := range writers[1:] {
		b = append(b, w.b...)
		giveBuffer(w.b)
	}
	return append(b, '}')
}

// Recycle takes back the memory of a response, which nobody may use any more, for those
// to come.
func Recycle(response *graphql.Response) {
	giveBuffer(response.Data)
	response.Data = nil
}

// Answers are written into buffers that have grown with those before, so that a long
// one is not moved again and again as it grows.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// The sizes of buffers that are worth keeping for other answers.
const (
	minKept = 512
	maxKept = 256 << 10
)

func takeBuffer() []byte { return (*buffers.Get().(*[]byte))[:0] } //nolint:forcetypeassert // it holds nothing else

func giveBuffer(b []byte) {
	if minKept <= cap(b) && cap(b) <= maxKept {
		buffers.Put(&b)
	}
}

// writer appends a response to a query, one field after the other. Its write
// methods return false where a value is null that must not be; what the caller
// has written of the object is void then.
type writer struct {
	ec     *executionContext
	ctx    context.Context //nolint:containedctx // of the operation, for which the writer is made
	b      []byte
	failed bool // to answer a root field that must not be null
}

// field is a field of the document, for all objects that it is answered for.
type field struct {
	graphql.CollectedField
	key    []byte // its name in the response
	parent *field

	// below are the fields selected of its values, for the type that they are of.
	below map[string][]*field
	only  []*field // the same where there is one type
	of    string

	fc    *graphql.FieldContext
	ctx   context.Context //nolint:containedctx // what its resolver gets
	inner context.Context //nolint:containedctx // what the fields below start from
	index int             // of the list's element that is being written
}

func newField(c graphql.CollectedField, parent *field) *field {
	f := &field{CollectedField: c, parent: parent}
	f.key = append(strconv.AppendQuote(make([]byte, 0, len(c.Alias)+3), c.Alias), ':')
	return f
}

// fields are those selected of an object that is the value of a field.
func (w *writer) fields(f *field, typeName string, satisfies []string) []*field {
	if f.of == typeName {
		return f.only
	}
	if found, ok := f.below[typeName]; ok {
		return found
	}
	collected := graphql.CollectFields(w.ec.OperationContext, f.Selections, satisfies)
	fields := make([]*field, len(collected))
	for i, c := range collected {
		fields[i] = newField(c, f)
	}
	if f.of == "" {
		f.of, f.only = typeName, fields
		return fields
	}
	if f.below == nil {
		f.below = map[string][]*field{}
	}
	f.below[typeName] = fields
	return fields
}

// enter makes the context of a field, the same for all objects; the indexes of
// the lists above it change as the writer goes through them.
func (w *writer) enter(f *field, build func(context.Context, graphql.CollectedField) (*graphql.FieldContext, error)) bool {
	fc, err := build(w.contextBelow(f.parent), f.CollectedField)
	if err != nil {
		return false // it is reported
	}
	f.fc = fc
	f.ctx = graphql.WithFieldContext(w.contextBelow(f.parent), fc)
	return true
}

// contextOf is the context of a field, also of one that is not resolved.
func (w *writer) contextOf(f *field) context.Context {
	if f.ctx == nil {
		return graphql.WithFieldContext(w.contextBelow(f.parent), &graphql.FieldContext{Object: f.ObjectDefinition.Name, Field: f.CollectedField})
	}
	return f.ctx
}

// contextBelow is the context of the fields below one.
func (w *writer) contextBelow(f *field) context.Context {
	switch {
	case f == nil:
		return w.ctx
	case f.inner != nil:
		return f.inner
	}
	f.inner = w.contextOf(f)
	if f.Definition.Type.Elem != nil {
		f.inner = graphql.WithFieldContext(f.inner, &graphql.FieldContext{Index: &f.index})
	}
	return f.inner
}

// root answers a root field. A fault of the writer itself costs this field alone.
func (w *writer) root(f *field) (ok bool) {
	mark := len(w.b)
	defer func() {
		if fault := recover(); fault != nil {
			w.report(w.contextOf(f), fault)
			if ok = !f.Definition.Type.NonNull; ok {
				w.nullAt(mark)
			}
		}
	}()
	return w.writeQueryField(f)
}

// recover is for a fault of a field's resolver.
func (w *writer) recover(f *field, ok *bool) {
	if fault := recover(); fault != nil {
		w.report(f.ctx, fault)
		*ok = false
	}
}

func (w *writer) report(ctx context.Context, fault any) { w.ec.Error(ctx, w.ec.Recover(ctx, fault)) }

// check reports the error of a field's resolver.
func (w *writer) check(f *field, err error) bool {
	if err != nil {
		w.ec.Error(f.ctx, graphql.AddFieldLocationToError(f.ctx, err))
		return false
	}
	return true
}

// missing reports that a value is null that must not be.
func (w *writer) missing(f *field) bool {
	ctx := w.contextBelow(f)
	if !graphql.HasFieldError(ctx, graphql.GetFieldContext(ctx)) {
		w.ec.Error(ctx, errors.New("the requested element is null which the schema does not allow"))
	}
	return false
}

func (w *writer) null() bool {
	w.b = append(w.b, "null"...)
	return true
}

func (w *writer) nullAt(mark int) bool {
	w.b = append(w.b[:mark], "null"...)
	return true
}

func (w *writer) open()  { w.b = append(w.b, '{') }
func (w *writer) close() { w.b = append(w.b, '}') }

func (w *writer) name(i int, f *field) {
	if i > 0 {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, f.key...)
}

func (w *writer) integer(n int64) { w.b = strconv.AppendInt(w.b, n, 10) }
func (w *writer) boolean(v bool)  { w.b = strconv.AppendBool(w.b, v) }

func (w *writer) dateTime(t time.Time) {
	w.b = append(w.b, '"')
	w.b = t.UTC().AppendFormat(w.b, time.RFC3339Nano)
	w.b = append(w.b, '"')
}

const hexDigits = "0123456789abcdef"

// text appends a JSON string, escaped as gqlgen escapes it.
func (w *writer) text(s string) {
	b := append(w.b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
			start = i + size
		}
		i += size
	}
	b = append(b, s[start:]...)
	w.b = append(b, '"')
}

// marshaler appends a value that writes itself.
func (w *writer) marshaler(m graphql.Marshaler, nullable bool) bool {
	if m == graphql.Null {
		return nullable && w.null()
	}
	buf := bytes.NewBuffer(w.b)
	m.MarshalGQL(buf)
	w.b = bytes.TrimRight(buf.Bytes(), "\n")
	return true
}
