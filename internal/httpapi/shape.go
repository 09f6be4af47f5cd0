package httpapi

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
)

// maxName is the longest name a document may use. The validator compares unknown names
// with every known one to suggest a spelling, which takes time in proportion to their
// length.
const maxName = 100

// maxCount is where the counts of this package stop growing: far above every limit, far
// below overflow.
const maxCount = 1 << 40

// checkTokens bounds the number of tokens and the length of names before a document is
// parsed. What it cannot read is left to the parser, which has the better message.
func checkTokens(query string, limit int) *gqlerror.Error {
	lex := lexer.New(&ast.Source{Input: query})
	for count := 0; ; count++ {
		token, err := lex.ReadToken()
		switch {
		case err != nil || token.Kind == lexer.EOF:
			return nil
		case count >= limit:
			return newError(codeTooComplex, "The document has more than the %d tokens allowed", limit)
		case token.Kind == lexer.Name && len(token.Value) > maxName:
			return errorAt(&token.Pos, codeTooComplex, "The document uses a name of more than %d characters", maxName)
		}
	}
}

// shape is what a selection set measures with its fragments expanded.
type shape struct {
	depth   int
	fields  int // directly in the set, not below
	schemas int // of those, how many are __schema
	aliases int
}

func (s shape) plus(o shape) shape {
	return shape{
		depth:   max(s.depth, o.depth),
		fields:  min(s.fields+o.fields, maxCount),
		schemas: min(s.schemas+o.schemas, maxCount),
		aliases: min(s.aliases+o.aliases, maxCount),
	}
}

// measure walks a document that is parsed but not validated yet. It measures each
// fragment once, so that the time it takes grows with the document and not with what
// its fragments expand to.
type measure struct {
	fragments map[string]*ast.FragmentDefinition
	measured  map[string]shape
}

// checkShape refuses a document one of whose operations is too deep, too wide or
// aliased too often.
func checkShape(doc *ast.QueryDocument, limits Limits) *gqlerror.Error {
	m := &measure{
		fragments: make(map[string]*ast.FragmentDefinition, len(doc.Fragments)),
		measured:  make(map[string]shape, len(doc.Fragments)),
	}
	for _, fragment := range doc.Fragments {
		m.fragments[fragment.Name] = fragment
	}
	for _, op := range doc.Operations {
		if err := m.selections(op.SelectionSet).check(op, limits); err != nil {
			return err
		}
	}
	return nil
}

func (s shape) check(op *ast.OperationDefinition, limits Limits) *gqlerror.Error {
	for _, bound := range []struct {
		what       string
		got, limit int
	}{
		{"levels of fields", s.depth, limits.Depth},
		{"aliases", s.aliases, limits.Aliases},
		{"root fields", s.fields, limits.RootFields},
		{"__schema fields", s.schemas, limits.SchemaRoots},
	} {
		if bound.got > bound.limit {
			return errorAt(op.Position, codeTooComplex,
				"The operation has %d %s, the limit is %d", bound.got, bound.what, bound.limit)
		}
	}
	return nil
}

func (m *measure) selections(set ast.SelectionSet) shape {
	var total shape
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			total = total.plus(m.field(selection))
		case *ast.InlineFragment:
			total = total.plus(m.selections(selection.SelectionSet))
		case *ast.FragmentSpread:
			total = total.plus(m.fragment(selection.Name))
		}
	}
	return total
}

func (m *measure) field(field *ast.Field) shape {
	below := m.selections(field.SelectionSet)
	s := shape{depth: below.depth + 1, fields: 1, aliases: below.aliases}
	if isIntrospection(field) {
		s.depth = 1
	}
	if field.Name == "__schema" {
		s.schemas = 1
	}
	if field.Alias != field.Name {
		s.aliases++
	}
	return s
}

// fragment measures nothing for an unknown fragment and for a cycle: validation refuses both.
func (m *measure) fragment(name string) shape {
	if s, ok := m.measured[name]; ok {
		return s
	}
	m.measured[name] = shape{}
	fragment, ok := m.fragments[name]
	if !ok {
		return shape{}
	}
	s := m.selections(fragment.SelectionSet)
	m.measured[name] = s
	return s
}

// isIntrospection tells the roots of introspection, below which every field is one of
// the introspection types.
func isIntrospection(field *ast.Field) bool {
	return field.Name == "__schema" || field.Name == "__type"
}
