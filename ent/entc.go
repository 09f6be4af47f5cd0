//go:build ignore

// The generator of the data model's code.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"entgo.io/contrib/entgql"
	"entgo.io/ent/entc"
	"entgo.io/ent/entc/gen"
)

func main() {
	// schema.graphql is written by hand: entgql adds only what makes
	// connections and nodes load in a constant number of statements.
	graphql, err := entgql.NewExtension(
		entgql.WithTemplates(
			entgql.CollectionTemplate,
			entgql.NodeTemplate,
			entgql.PaginationTemplate,
			entgql.EdgeTemplate,
		),
	)
	if err != nil {
		log.Fatalf("set up entgql: %v", err)
	}
	err = entc.Generate("./schema", &gen.Config{
		Features: []gen.Feature{
			gen.FeatureIntercept,
			gen.FeatureSnapshot,
			gen.FeatureVersionedMigration,
		},
		Hooks: []gen.Hook{adjustLists},
	}, entc.Extensions(graphql), entc.TemplateDir("./template"))
	if err != nil {
		log.Fatalf("generate the data model: %v", err)
	}
	if err := takeNullForDirection("gql_collection.go"); err != nil {
		log.Fatal(err)
	}
}

// takeNullForDirection lets the connections below other fields take null for the
// default direction. As entgql writes it, null makes them forget the whole order.
func takeNullForDirection(name string) error {
	generated, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	const given = "if d, ok := v[directionField]; ok "
	if !bytes.Contains(generated, []byte(given)) {
		return fmt.Errorf("%s does not read directions as expected: %q", name, given)
	}
	return os.WriteFile(name, bytes.ReplaceAll(generated, []byte(given), []byte(given+"&& d != nil ")), 0o644)
}

// adjustments are made to what entgql generates for lists, where its templates have no
// place to say so: pageInfo is answered from the page, which is then read with one row more
// than it has, so that only totalCount counts; cursors are those of lists.go, which lose
// no row without a value and may be combined with either end of a page; a product's prices
// are filtered where they are loaded; aliases.go finds what a document gives names of its
// own; and computed.go knows the columns of fields that are not simply one.
var adjustments = map[string][][2]string{
	"gql_pagination.go": {
		{
			"ignoredEdges := !hasCollectedField(ctx, edgesField)\n",
			"ignoredEdges := !asksFor(ctx, nil, edgesField) && !asksFor(ctx, nil, pageInfoField)\n",
		},
		{"if hasCollectedField(ctx, totalCountField) || hasCollectedField(ctx, pageInfoField) {", "if asksFor(ctx, nil, totalCountField) {"},
		{"collectedField(ctx, edgesField, nodeField)", "nodes(ctx)"},
		{"limit := paginateLimit(first, last)", "limit := pageLimit(first, last, asksFor(ctx, nil, pageInfoField))"},
		{"collectField(ctx, limit == 1, ", "collectField(ctx, false, "}, // a page of one row is like others
		{"entgql.CursorsPredicate(", "cursorsPredicate(p.reverse, "},
	},
	"gql_collection.go": {
		{
			"	path = append([]string(nil), path...)\n",
			"	if asksTwice(opCtx, collected, satisfies) {\n\t\treturn nil\n\t}\n	path = append([]string(nil), path...)\n",
		},
		{
			"		switch field.Name {\n",
			"		selectedFields = selectComputed(_q, field.Name, selectedFields, fieldSeen)\n		switch field.Name {\n",
		},
		{"unknownSeen = true\n", "unknownSeen = unknownSeen || !isComputed(_q, field.Name)\n"},
		{
			"ignoredEdges := !hasCollectedField(ctx, append(path, edgesField)...)\n",
			"ignoredEdges := !asksFor(ctx, path, edgesField) && !asksFor(ctx, path, pageInfoField)\n",
		},
		{
			"if hasCollectedField(ctx, append(path, totalCountField)...) || hasCollectedField(ctx, append(path, pageInfoField)...) {",
			"if asksFor(ctx, path, totalCountField) {",
		},
		{
			"path = append(path, edgesField, nodeField)\n\t\t\tif field := collectedField(ctx, path...); field != nil {",
			"field, more := nodes(ctx, path...), asksFor(ctx, path, pageInfoField)\n\t\t\tpath = append(path, edgesField, nodeField)\n\t\t\tif field != nil {",
		},
		{"limit := paginateLimit(args.first, args.last)", "limit := pageLimit(args.first, args.last, more)"},
		{
			"args := newPricePaginateArgs(fieldArgs(ctx, nil, path...))\n",
			"args := newPricePaginateArgs(fieldArgs(ctx, nil, path...))\n\t\t\targs.opts = append(args.opts, withPriceFilter(ctx, collectedField(ctx, path...)))\n",
		},
	},
	"gql_edge.go": {
		{"WithPriceOrder(orderBy),\n", "WithPriceOrder(orderBy),\n\t\twithPriceFilter(ctx, collectedField(ctx)),\n"},
	},
}

// adjustLists fails when the generated code is not what the adjustments expect.
func adjustLists(next gen.Generator) gen.Generator {
	return gen.GenerateFunc(func(g *gen.Graph) error {
		if err := next.Generate(g); err != nil {
			return err
		}
		for name, changes := range adjustments {
			file := filepath.Join(g.Config.Target, name)
			code, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for _, change := range changes {
				if !bytes.Contains(code, []byte(change[0])) {
					return fmt.Errorf("%s has no %q to adjust", name, change[0])
				}
				code = bytes.ReplaceAll(code, []byte(change[0]), []byte(change[1]))
			}
			if err := os.WriteFile(file, code, 0o644); err != nil { //nolint:gosec // source code
				return err
			}
		}
		if err := pagesAreOfEach(g); err != nil {
			return err
		}
		if err := rowsShareValues(g); err != nil {
			return err
		}
		return rowsDoNotWrite(g)
	})
}

// nestedPage is where a connection below other rows is bounded.
var nestedPage = regexp.MustCompile(`if oneNode \{\s+pager\.applyOrder\(query\.Limit\(limit\)\)\s+\} else \{\s+modify := entgql\.LimitPerRow\([^}]*\}`)

// pagesAreOfEach has the connections below other rows bounded as pages.go says.
func pagesAreOfEach(g *gen.Graph) error {
	file := filepath.Join(g.Config.Target, "gql_collection.go")
	code, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	pages := bytes.Count(code, []byte("if limit := pageLimit("))
	if pages == 0 || len(nestedPage.FindAll(code, -1)) != pages {
		return fmt.Errorf("%s does not bound connections as expected", file)
	}
	return os.WriteFile(file, nestedPage.ReplaceAll(code, []byte("pager.applyOrder(query.firstOfEach(limit))")), 0o644) //nolint:gosec // source code
}

var (
	// inValues is where a query looks for the rows that refer to its own.
	inValues = regexp.MustCompile(`s\.Where\(sql\.InValues\((s\.C\([\w.]+\)), fks\.\.\.\)\)`)
	// referred is the method that loads the rows that a query's own refer to: to which
	// type and by which column.
	referred = regexp.MustCompile(`(?s)(assign func\(\*(\w+), \*(\w+)\)\) error \{\n)\tids := .*?fk := (\*?)nodes\[i\]\.(\w+)\n.*?query\.Where\((\w+)\.IDIn\(ids\.\.\.\)\).*?\n\}\n`)
)

// rowsShareValues has the rows of a query read as scan.go and joins.go say.
func rowsShareValues(g *gen.Graph) error {
	for _, node := range g.Nodes {
		file := filepath.Join(g.Config.Target, strings.ToLower(node.Name)+"_query.go")
		code, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		refers, isReferred := 0, 0
		for _, e := range node.Edges {
			if e.OwnFK() {
				refers++
			} else {
				isReferred++
			}
		}
		scan := "(*" + node.Name + ").scanValues"
		for _, change := range [][2]string{
			{"func(columns []string) ([]any, error) {\n\t\treturn " + scan + "(nil, columns)\n\t}\n", "scanOnce(" + scan + ")\n"},
			{"node := &" + node.Name + "{config: _q.config}\n", "node := made.next()\n\t\tnode.config = _q.config\n"},
			{"	_spec.ScanValues = ", "	var made rowsOf[" + node.Name + "]\n	_spec.ScanValues = "},
			{"sqlgraph.QueryNodes(ctx, _q.driver, _spec)", "_q.joined.query(ctx, _q.driver, _spec, &nodes)"},
		} {
			if bytes.Count(code, []byte(change[0])) != 1 {
				return fmt.Errorf("%s does not read as expected: %q", file, change[0])
			}
			code = bytes.Replace(code, []byte(change[0]), []byte(change[1]), 1)
		}
		if len(inValues.FindAll(code, -1)) != isReferred || len(referred.FindAll(code, -1)) != refers {
			return fmt.Errorf("%s does not load edges as expected", file)
		}
		code = inValues.ReplaceAll(code, []byte("s.Where(query.first.of(s, $1, fks))"))
		code = referred.ReplaceAllFunc(code, loadReferred)
		if err := os.WriteFile(file, code, 0o644); err != nil { //nolint:gosec // source code
			return err
		}
	}
	return nil
}

// loadReferred is the method that [referred] has matched, by joins.go.
func loadReferred(code []byte) []byte {
	found := referred.FindSubmatch(code)
	signature, node, row, nillable, column, table := found[1], found[2], found[3], len(found[4]) > 0, found[5], found[6]
	refers := fmt.Sprintf("return &n.%s", column)
	if nillable {
		refers = fmt.Sprintf("return n.%s", column)
	}
	return fmt.Appendf(nil, `%s	if query.joined == nil {
		ids := referredBy(nodes, func(n *%[2]s) *string { %[5]s })
		if len(ids) == 0 {
			return nil
		}
		query.Where(func(s *sql.Selector) { s.Where(among(s, s.C(%[4]s.FieldID), ids)) })
	}
	rows, err := query.All(ctx)
	if err != nil {
		return err
	}
	assignReferred(nodes, func(n *%[2]s) *string { %[5]s }, rows, func(r *%[3]s) string { return r.ID }, assign)
	return nil
}
`, signature, node, row, table, refers)
}

// updateOfRow is the method by which a row writes itself.
var updateOfRow = regexp.MustCompile(`(?s)// Update returns a builder for updating this [^\n]*\n.*?\n}\n\n`)

// rowsDoNotWrite takes from each type of rows the method Update, which writes with
// whatever the row was read with: for a row that came out of a store.Reader, the pool of
// the readers.
func rowsDoNotWrite(g *gen.Graph) error {
	for _, node := range g.Nodes {
		file := filepath.Join(g.Config.Target, strings.ToLower(node.Name)+".go")
		code, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if len(updateOfRow.FindAll(code, -1)) != 1 {
			return fmt.Errorf("%s has no method Update to remove", file)
		}
		if err := os.WriteFile(file, updateOfRow.ReplaceAll(code, nil), 0o644); err != nil { //nolint:gosec // source code
			return err
		}
	}
	return nil
}
