//go:build ignore

// The generator of the data model's code.
package main

import (
	"log"

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
}
