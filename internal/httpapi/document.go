package httpapi

import (
	"context"
	"strconv"

	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

const (
	cachedDocuments = 1000
	// maxCachedBytes keeps documents that are mostly one long string out of the cache,
	// which counts documents, not bytes.
	maxCachedBytes = 16 << 10
)

// document is a query document that has passed every check that does not depend on
// variables, with the pages of its connections completed. Requests share it and never
// change it.
type document struct {
	*ast.QueryDocument
	schema      *ast.Schema
	pages       map[*ast.Field]page
	checkCursor func(any) error
	introspects bool // asks for the schema, or a type of it
}

// documents turns query text into documents, remembering the ones it has seen.
type documents struct {
	schema      *ast.Schema
	limits      Limits
	checkCursor func(any) error
	cache       *lru.LRU[*document]
}

func newDocuments(o Options, limits Limits) *documents {
	d := &documents{
		schema: o.Schema.Schema(), limits: limits, checkCursor: o.CheckCursor, cache: lru.New[*document](cachedDocuments),
	}
	if d.checkCursor == nil {
		d.checkCursor = func(any) error { return nil }
	}
	return d
}

// load checks a document. Errors about names suggest others when that is wanted.
func (d *documents) load(ctx context.Context, query string, suggest bool) (*document, gqlerror.List) {
	if doc, ok := d.cache.Get(ctx, query); ok {
		return doc, nil
	}
	parsed, err := d.parse(query)
	if err != nil {
		return nil, gqlerror.List{err}
	}
	if errs := validator.ValidateWithRules(d.schema, parsed, validation(suggest)); len(errs) > 0 {
		for _, err := range errs {
			setCode(err, codeValidationFailed)
		}
		return nil, errs
	}
	doc := &document{QueryDocument: parsed, schema: d.schema, pages: map[*ast.Field]page{}, checkCursor: d.checkCursor}
	if err := (&completion{doc: doc, defaultPage: d.limits.DefaultPage}).run(); err != nil {
		return nil, gqlerror.List{err}
	}
	if len(query) <= maxCachedBytes {
		d.cache.Add(ctx, query, doc)
	}
	return doc, nil
}

// validation are the rules of a valid document.
func validation(suggest bool) *rules.Rules {
	all := rules.NewDefaultRules()
	if suggest {
		return all
	}
	for name, silent := range map[string]core.Rule{
		rules.FieldsOnCorrectTypeRule.Name: rules.FieldsOnCorrectTypeRuleWithoutSuggestions,
		rules.KnownArgumentNamesRule.Name:  rules.KnownArgumentNamesRuleWithoutSuggestions,
		rules.KnownTypeNamesRule.Name:      rules.KnownTypeNamesRuleWithoutSuggestions,
		rules.ScalarLeafsRule.Name:         rules.ScalarLeafsRuleWithoutSuggestions,
		rules.ValuesOfCorrectTypeRule.Name: rules.ValuesOfCorrectTypeRuleWithoutSuggestions,
	} {
		all.ReplaceRule(name, silent.RuleFunc)
	}
	return all
}

// parse refuses what would be expensive to validate along with what cannot be parsed.
func (d *documents) parse(query string) (*ast.QueryDocument, *gqlerror.Error) {
	if err := checkTokens(query, d.limits.Tokens); err != nil {
		return nil, err
	}
	parsed, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		failed := gqlerror.WrapIfUnwrapped(err)
		setCode(failed, codeParseFailed)
		return nil, failed
	}
	if len(parsed.Operations) == 0 {
		return nil, newError(codeValidationFailed, "The document has no operation")
	}
	return parsed, checkShape(parsed, d.limits)
}

// completion goes over every field of a document once, before anybody else sees it.
type completion struct {
	doc         *document
	defaultPage int
	err         *gqlerror.Error
}

func (c *completion) run() *gqlerror.Error {
	for _, op := range c.doc.Operations {
		c.selections(op.SelectionSet)
	}
	for _, fragment := range c.doc.Fragments {
		c.selections(fragment.SelectionSet)
	}
	return c.err
}

func (c *completion) selections(set ast.SelectionSet) {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			c.field(selection)
			c.selections(selection.SelectionSet)
		case *ast.InlineFragment:
			c.selections(selection.SelectionSet)
		}
	}
}

func (c *completion) field(field *ast.Field) {
	for _, arg := range field.Arguments {
		c.literals(arg.Value)
	}
	c.doc.introspects = c.doc.introspects || isIntrospection(field)
	if isPaged(field) {
		c.doc.pages[field] = pageOf(field, len(c.doc.pages), c.defaultPage)
	}
}

// maxList is how many values a list in an argument or a variable may have.
const maxList = 100

// literals refuses values that nothing good comes of: numbers that no Go number holds,
// on which reading the arguments of a field panics, objects in the place of scalars,
// and endless lists.
func (c *completion) literals(value *ast.Value) {
	var err error
	switch {
	case c.err != nil:
		return
	case value.Kind == ast.ObjectValue && isPlainScalar(value.Definition):
		c.err = errorAt(value.Position, codeBadUserInput, "%s cannot represent an object", value.Definition.Name)
		return
	case value.Kind == ast.ListValue && len(value.Children) > maxList:
		c.err = errorAt(value.Position, codeBadUserInput, "A list can have at most %d values, not %d", maxList, len(value.Children))
		return
	}
	switch value.Kind {
	case ast.IntValue:
		_, err = strconv.ParseInt(value.Raw, 10, 64)
	case ast.FloatValue:
		_, err = strconv.ParseFloat(value.Raw, 64)
	default: // no number, or a list of them
	}
	if err != nil && c.err == nil {
		c.err = errorAt(value.Position, codeBadUserInput, "The number is out of range")
	}
	for _, child := range value.Children {
		c.literals(child.Value)
	}
}

// isPlainScalar tells a scalar that no object stands for.
func isPlainScalar(def *ast.Definition) bool {
	return def != nil && def.Kind == ast.Scalar && def.Name != "Metadata"
}
