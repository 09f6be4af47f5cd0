package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Lists without pages are short by design (the steps of an operation, the history of a
// subscription) and are counted with what they usually hold; those of introspection are
// counted so that one full introspection fits, and three do not.
const (
	plainList         = 10
	introspectionList = 4
)

// usualSizes are what the lists without pages usually hold that are read the most. Of a
// subscription's items that is one, and hardly ever more than three; a billing page
// reads them for each subscription.
var usualSizes = map[string]int64{"Subscription.items": 3}

const costExtension = "cost"

// Cost is what the operation that ctx belongs to costs by the rules of
// Limits.Complexity. It is known to Options.Around and to resolvers.
func Cost(ctx context.Context) int { return costOf(graphql.GetOperationContext(ctx)) }

func costOf(opCtx *graphql.OperationContext) int {
	cost, _ := opCtx.Stats.GetExtension(costExtension).(int)
	return cost
}

// withCost tells those what an operation has cost who ask for it by extensions.cost: true.
func withCost(opCtx *graphql.OperationContext, response *graphql.Response) *graphql.Response {
	if asked, _ := opCtx.Extensions[costExtension].(bool); !asked || response == nil {
		return response
	}
	if response.Extensions == nil {
		response.Extensions = map[string]any{}
	}
	response.Extensions[costExtension] = costOf(opCtx)
	return response
}

// weight is the cost of a selection set. Inside a connection, what is selected below
// its edges counts once for every entry of the page, and the rest (totalCount,
// pageInfo) once.
type weight struct{ once, perEntry int64 }

func (w weight) plus(o weight) weight {
	return weight{min(w.once+o.once, maxCount), min(w.perEntry+o.perEntry, maxCount)}
}

// costing adds up what one operation costs with its variables, and settles the pages of
// its connections on the way. Each fragment is weighed once.
type costing struct {
	doc     *document
	limits  Limits
	vars    map[string]any
	weighed map[string]weight
	path    ast.Path
	errs    gqlerror.List
}

// settle checks a validated operation against the rules for pages and the limit for its
// cost, and completes its variables.
func (d *document) settle(opCtx *graphql.OperationContext, limits Limits, complexity int) gqlerror.List {
	c := &costing{doc: d, limits: limits, vars: opCtx.Variables, weighed: map[string]weight{}}
	cost := c.selections(opCtx.Operation.SelectionSet).once
	if len(c.errs) > 0 {
		return c.errs
	}
	if cost > int64(complexity) {
		return gqlerror.List{errorAt(opCtx.Operation.Position, codeTooComplex,
			"The operation costs %d, the limit is %d: ask for fewer fields or smaller pages", cost, complexity)}
	}
	opCtx.Stats.SetExtension(costExtension, int(cost))
	return nil
}

func (c *costing) selections(set ast.SelectionSet) weight {
	var total weight
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			if c.included(selection.Directives) {
				total = total.plus(c.field(selection))
			}
		case *ast.InlineFragment:
			if c.included(selection.Directives) {
				total = total.plus(c.selections(selection.SelectionSet))
			}
		case *ast.FragmentSpread:
			if c.included(selection.Directives) {
				total = total.plus(c.fragment(selection.Definition))
			}
		}
	}
	return total
}

func (c *costing) fragment(fragment *ast.FragmentDefinition) weight {
	if w, ok := c.weighed[fragment.Name]; ok {
		return w
	}
	w := c.selections(fragment.SelectionSet)
	c.weighed[fragment.Name] = w
	return w
}

func (c *costing) field(field *ast.Field) (w weight) {
	c.path = append(c.path, ast.PathName(field.Alias))
	defer func() { c.path = c.path[:len(c.path)-1] }()

	size := c.size(field)
	if field.Name == "description" || field.Name == "nickname" { // up to 5,000 characters
		defer func() { w = w.plus(weight{once: longTextCost}) }()
	}
	if field.Name == "totalCount" {
		defer func() { w = w.plus(weight{once: countCost}) }()
	}
	if c.searches(field) {
		defer func() { w = w.plus(weight{once: searchCost}) }()
	}
	below := c.selections(field.SelectionSet)
	parent, typ := field.ObjectDefinition.Name, field.Definition.Type
	switch {
	case isConnection(parent) && typ.Elem != nil: // edges
		return weight{perEntry: below.once}
	case strings.HasSuffix(parent, "Edge") && field.Name == "node":
		return below
	case isConnection(typ.NamedType):
		return weight{once: min(1+below.once+size*below.perEntry, maxCount)}
	default:
		return weight{once: min(1+size*below.once, maxCount)}
	}
}

// longTextCost is what a text costs beyond its field, since it may be as long as a
// hundred others.
const longTextCost = 2

// countCost is what it costs to count a list, which reads all of it.
const countCost = 20

// searchCost is what it costs to look through texts, of which no index knows.
const searchCost = 500

// searches reports whether a field looks for a text.
func (c *costing) searches(field *ast.Field) bool {
	filter, _ := c.value(argument(field, "filter")).(map[string]any)
	return filter["search"] != nil
}

// size is the number of entries a field is taken to serve.
func (c *costing) size(field *ast.Field) int64 {
	typ := field.Definition.Type
	switch {
	case isPaged(field):
		size, err := c.doc.pages[field].size(c.vars, c.limits)
		c.check(field, err)
		c.cursors(field)
		return size
	case isConnection(typ.NamedType):
		return int64(c.limits.DefaultPage)
	case typ.Elem == nil:
		return 1
	case strings.HasPrefix(field.ObjectDefinition.Name, "__"):
		return introspectionList
	}
	ids, ok := c.value(argument(field, "ids")).([]any)
	if !ok {
		return cmp.Or(usualSizes[field.ObjectDefinition.Name+"."+field.Name], plainList)
	}
	if len(ids) > c.limits.PageSize {
		c.check(field, fmt.Errorf("ids must be at most %d, not %d", c.limits.PageSize, len(ids)))
	}
	return int64(len(ids))
}

// cursors checks where the page of a connection field begins and ends.
func (c *costing) cursors(field *ast.Field) {
	for _, name := range []string{"after", "before"} {
		arg := argument(field, name)
		if arg == nil {
			continue
		}
		if cursor := c.value(arg); cursor != nil {
			c.check(field, c.doc.checkCursor(cursor))
		}
	}
}

// check takes note of what is wrong with a field's arguments.
func (c *costing) check(field *ast.Field, err error) {
	if err != nil {
		report := errorAt(field.Position, codeBadUserInput, "%s: %s", c.path, err)
		report.Path = slices.Clone(c.path)
		c.errs = append(c.errs, report)
	}
}

// included follows @skip and @include as execution does.
func (c *costing) included(directives ast.DirectiveList) bool {
	if skip := directives.ForName("skip"); skip != nil && c.condition(skip) {
		return false
	}
	include := directives.ForName("include")
	return include == nil || c.condition(include)
}

func (c *costing) condition(directive *ast.Directive) bool {
	arg := directive.Arguments.ForName("if")
	if arg == nil {
		return false
	}
	met, _ := c.value(arg.Value).(bool)
	return met
}

func (c *costing) value(v *ast.Value) any {
	value, err := v.Value(c.vars)
	if err != nil {
		return nil
	}
	return value
}
