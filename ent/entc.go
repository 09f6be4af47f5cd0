//go:build ignore

// The generator of the data model's code.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"

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
