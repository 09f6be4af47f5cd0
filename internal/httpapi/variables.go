package httpapi

import (
	"encoding/json"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// checkVariables refuses what gqlparser lets pass in variables, unlike in documents:
// the values of enums in another case, and strings as Int. What it refuses itself is
// left to it.
func checkVariables(schema *ast.Schema, doc *ast.QueryDocument, params *graphql.RawParams) *gqlerror.Error {
	operation := doc.Operations.ForName(params.OperationName)
	if operation == nil {
		return nil
	}
	for _, v := range operation.VariableDefinitions {
		if value, given := params.Variables[v.Variable]; given {
			if message := checkValue(schema, v.Type, value); message != "" {
				return newError(codeBadUserInput, "Variable $%s: %s", v.Variable, message)
			}
		}
	}
	return nil
}

// checkValue says what is wrong with a value, nothing when it is right or not for this
// check to say.
func checkValue(schema *ast.Schema, t *ast.Type, value any) string {
	if value == nil {
		return ""
	}
	if t.Elem != nil {
		list, ok := value.([]any)
		if !ok {
			return checkValue(schema, t.Elem, value) // one value stands for a list of one
		}
		if len(list) > maxList {
			return fmt.Sprintf("A list can have at most %d values, not %d.", maxList, len(list))
		}
		for _, item := range list {
			if message := checkValue(schema, t.Elem, item); message != "" {
				return message
			}
		}
		return ""
	}
	def := schema.Types[t.NamedType]
	switch {
	case def == nil:
		return ""
	case def.Kind == ast.Enum:
		return checkEnum(def, value)
	case def.Kind == ast.InputObject:
		return checkObject(schema, def, value)
	case isPlainScalar(def) && !isPlain(value):
		return def.Name + " cannot represent an object or a list."
	case def.Name == "Int":
		if _, ok := value.(string); ok {
			return "Int cannot represent a string."
		}
	}
	return ""
}

func isPlain(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

func checkEnum(def *ast.Definition, value any) string {
	name, ok := value.(string)
	if ok && def.EnumValues.ForName(name) != nil {
		return ""
	}
	shown, err := json.Marshal(value)
	if err != nil || len(shown) > 40 {
		shown = []byte("that")
	}
	return fmt.Sprintf("%s is not a value of %s.", shown, def.Name)
}

func checkObject(schema *ast.Schema, def *ast.Definition, value any) string {
	object, ok := value.(map[string]any)
	if !ok {
		return ""
	}
	for _, field := range def.Fields {
		if message := checkValue(schema, field.Type, object[field.Name]); message != "" {
			return field.Name + ": " + message
		}
	}
	return ""
}
