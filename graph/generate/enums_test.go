package main

import (
	"strings"
	"testing"

	"github.com/99designs/gqlgen/codegen/config"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func TestEnumsHaveTheConstantsOfTheirGoTypes(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		"enum StepStatus { TODO DONE FAILED COMPENSATED }":       "",
		"enum StepStatus { TODO DONE FAILED }":                   "COMPENSATED",
		"enum StepStatus { TODO DONE FAILED COMPENSATED OTHER }": "OTHER",
	} {
		cfg := config.DefaultConfig()
		cfg.Schema = gqlparser.MustLoadSchema(&ast.Source{Input: "type Query { is: StepStatus } " + schema})
		cfg.Models = config.TypeMap{"StepStatus": {Model: config.StringList{"tallystick/internal/billing.StepStatus"}}}
		if err := cfg.Init(); err != nil {
			t.Fatal(err)
		}
		err := checkEnums(cfg)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", schema, err)
		}
	}
}
