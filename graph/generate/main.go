// The generator of the GraphQL executor: gqlgen, and after it the writers that
// answer queries without an object for every value (see package graph,
// direct.go).
package main

import (
	_ "embed"
	"fmt"
	"go/types"
	"log"
	"sort"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

func main() {
	cfg, err := config.LoadConfigFromDefaultLocations()
	if err != nil {
		log.Fatalf("read gqlgen.yml: %v", err)
	}
	if err := api.Generate(cfg, api.AddPlugin(directWriters{})); err != nil {
		log.Fatalf("generate the executor: %v", err)
	}
}

//go:embed direct.gotpl
var template string

// directWriters is a plugin of gqlgen. It writes a method for every type that a
// query can reach, from the same bindings as gqlgen's own executor.
type directWriters struct{}

// Name implements plugin.Plugin.
func (directWriters) Name() string { return "direct" }

// GenerateCode implements plugin.CodeGenerator.
func (directWriters) GenerateCode(data *codegen.Data) error {
	if err := checkEnums(data.Config); err != nil {
		return err
	}
	d, err := collect(data)
	if err != nil {
		return err
	}
	return templates.Render(templates.Options{
		PackageName:     data.Config.Exec.Package,
		Filename:        data.Config.Exec.DirName + "/direct.generated.go",
		Template:        template,
		Data:            d,
		GeneratedHeader: true,
		Packages:        data.Config.Packages,
	})
}

// writers is what the template writes.
type writers struct {
	Objects    []*codegen.Object
	Interfaces []*codegen.Interface
	Types      []*typ
}

// typ is a Go type in its place in the schema.
type typ struct {
	*config.TypeReference
	// Write is the method of the writer that appends a plain value, if there is one.
	Write string
}

func (t *typ) Func() string       { return "write" + t.UniquenessKey() }
func (t *typ) IsObject() bool     { return t.Definition.Kind == ast.Object }
func (t *typ) IsAbstract() bool   { return t.Definition.IsAbstractType() }
func (t *typ) IsPointer() bool    { _, ok := t.GO.(*types.Pointer); return ok }
func (t *typ) ElemFunc() string   { return "write" + t.Elem().UniquenessKey() }
func (t *typ) Null() bool         { return !t.GQL.NonNull }
func (t *typ) NeedsAddress() bool { return t.IsObject() && !t.IsNilable() }

// collect finds what a query can reach. A binding that the template does not know
// is an error.
func collect(data *codegen.Data) (*writers, error) {
	w := &writers{}
	objects, interfaces := map[string]*codegen.Object{}, map[string]bool{}
	known := map[string]bool{}
	var unknown error
	var visit func(*codegen.Object)
	var reach func(*config.TypeReference)
	reach = func(ref *config.TypeReference) {
		if known[ref.UniquenessKey()] {
			return
		}
		known[ref.UniquenessKey()] = true
		w.Types = append(w.Types, &typ{ref, plainWriter(ref)})
		if ref.IsSlice() {
			reach(ref.Elem())
			return
		}
		switch def := ref.Definition; {
		case def.Kind == ast.Object:
			visit(data.Objects.ByName(def.Name))
		case def.IsAbstractType() && !interfaces[def.Name]:
			interfaces[def.Name] = true
			w.Interfaces = append(w.Interfaces, data.Interfaces[def.Name])
			for _, implementor := range data.Interfaces[def.Name].Implementors {
				visit(data.Objects.ByName(implementor.Name))
			}
		}
	}
	visit = func(o *codegen.Object) {
		if objects[o.Name] != nil {
			return
		}
		objects[o.Name] = o
		w.Objects = append(w.Objects, o)
		for _, f := range o.Fields {
			if f.IsReserved() {
				continue
			}
			if f.IsMap() || f.IsBatch() || f.VOkFunc || f.HasHaser || f.HasDirectives() && !f.IsResolver {
				unknown = fmt.Errorf("no writer can be made for %s.%s", o.Name, f.Name)
			}
			reach(f.TypeReference)
		}
	}
	visit(data.QueryRoot)
	sort.Slice(w.Objects, func(i, j int) bool { return w.Objects[i].Name < w.Objects[j].Name })
	sort.Slice(w.Interfaces, func(i, j int) bool { return w.Interfaces[i].Name < w.Interfaces[j].Name })
	sort.Slice(w.Types, func(i, j int) bool { return w.Types[i].UniquenessKey() < w.Types[j].UniquenessKey() })
	return w, unknown
}

// plainWriter names the method that appends what a marshaler of a scalar would
// write; empty where there is none.
func plainWriter(ref *config.TypeReference) string {
	if ref.IsSlice() || ref.HasEnumValues() {
		return ""
	}
	if ref.Definition.Kind == ast.Enum && isText(ref.GO) {
		return "text"
	}
	if ref.Marshaler == nil || ref.IsContext {
		return ""
	}
	switch ref.Marshaler.FullName() {
	case "github.com/99designs/gqlgen/graphql.MarshalString",
		"github.com/99designs/gqlgen/graphql.MarshalID",
		"tallystick/resolvers/scalars.MarshalCurrencyCode":
		return "text"
	case "github.com/99designs/gqlgen/graphql.MarshalBoolean":
		return "boolean"
	case "tallystick/resolvers/scalars.MarshalInt", "tallystick/resolvers/scalars.MarshalInt64":
		return "integer"
	case "tallystick/resolvers/scalars.MarshalDateTime":
		return "dateTime"
	}
	return ""
}

// isText reports whether a Go type is a string, or a pointer to one.
func isText(t types.Type) bool {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Kind() == types.String
}
