package resolvers_test

import (
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"tallystick/internal/testkit"
)

func committed(t *testing.T) (text string, schema *ast.Schema) {
	t.Helper()
	file, err := os.ReadFile("../schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	return string(file), gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphql", Input: string(file)})
}

// TestSchemaSuitsGenerators: a generated client sends null for what its user leaves
// out, and loses a whole answer to the fault of one root field that cannot be null.
func TestSchemaSuitsGenerators(t *testing.T) {
	t.Parallel()
	_, schema := committed(t)
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		def := schema.Types[name]
		if def.BuiltIn {
			continue
		}
		for _, field := range def.Fields {
			if def.Kind == ast.InputObject && field.DefaultValue != nil && field.Type.NonNull {
				t.Errorf("%s.%s has a default, and does not take null for it", name, field.Name)
			}
			for _, argument := range field.Arguments {
				if argument.DefaultValue != nil && argument.Type.NonNull {
					t.Errorf("%s.%s(%s:) has a default, and does not take null for it", name, field.Name, argument.Name)
				}
			}
			if root := def == schema.Query || def == schema.Mutation; root && field.Type.NonNull && !strings.HasPrefix(field.Name, "__") {
				t.Errorf("%s.%s cannot be null", name, field.Name)
			}
		}
	}
	if !strings.Contains(schema.Description, "minor units") {
		t.Errorf("the schema's description is %q", schema.Description)
	}
}

// TestLiveSchemaIsTheCommittedOne compares the file with what the server gives out
// and with what it says of itself.
func TestLiveSchemaIsTheCommittedOne(t *testing.T) {
	t.Parallel()
	file, schema := committed(t)
	k := testkit.New(t, "sqlite")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(k.URL, "/graphql")+"/schema.graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	response := k.Do(t, request)
	defer response.Body.Close()
	served, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Equal(t, "the SDL that is served is the file", string(served) == file, true)

	live := k.Query(t, `{ __schema { description types { name } directives { name } } }`)
	testkit.Equal(t, "description", live.String("__schema.description"), schema.Description)
	testkit.Equal(t, "types", names(live.List("__schema.types")), strings.Join(slices.Sorted(maps.Keys(schema.Types)), " "))
	directives := maps.Clone(schema.Directives)
	delete(directives, "defer") // the parser's own, as gqlgen's
	testkit.Equal(t, "directives", names(live.List("__schema.directives")), strings.Join(slices.Sorted(maps.Keys(directives)), " "))
}

func names(list []testkit.Answer) string {
	var all []string
	for _, item := range list {
		all = append(all, item.String("name"))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
