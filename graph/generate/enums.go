package main

import (
	"errors"
	"fmt"
	"go/constant"
	"go/types"
	"maps"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/codegen/config"
	"github.com/vektah/gqlparser/v2/ast"
)

// checkEnums returns an error for each enum of the schema whose values are not those of
// the constants of its Go type: the API would answer with a value that its schema does
// not have, or clients could send one that nothing here knows.
func checkEnums(cfg *config.Config) error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(cfg.Schema.Types)) {
		def := cfg.Schema.Types[name]
		if def.Kind != ast.Enum || def.BuiltIn || !cfg.Models.UserDefined(name) {
			continue
		}
		inGo := constantsOf(cfg, cfg.Models[name].Model[0])
		if len(inGo) == 0 { // ent's orders, which are no constants
			continue
		}
		inSchema := map[string]bool{}
		for _, value := range def.EnumValues {
			inSchema[value.Name] = true
		}
		if !maps.Equal(inGo, inSchema) {
			all = append(all, fmt.Errorf("the enum %s has the values %s in the schema, and %s in Go", name, list(inSchema), list(inGo)))
		}
	}
	return errors.Join(all...)
}

// constantsOf are the values of a Go type's constants, in the type's own package.
func constantsOf(cfg *config.Config, model string) map[string]bool {
	at := strings.LastIndex(model, ".")
	values := map[string]bool{}
	pkg := cfg.Packages.LoadWithTypes(model[:at])
	if pkg == nil || pkg.Types == nil || pkg.Types.Scope().Lookup(model[at+1:]) == nil {
		return values
	}
	scope := pkg.Types.Scope()
	enum := scope.Lookup(model[at+1:]).Type()
	for _, name := range scope.Names() {
		c, ok := scope.Lookup(name).(*types.Const)
		if ok && types.Identical(c.Type(), enum) && c.Val().Kind() == constant.String {
			values[constant.StringVal(c.Val())] = true
		}
	}
	return values
}

func list(values map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(values)), ", ")
}
