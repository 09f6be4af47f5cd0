package store_test

import (
	"reflect"
	"slices"
	"testing"

	"tallystick/ent"
	"tallystick/internal/store"
)

// TestReaderCannotWrite holds the types to what makes a write through the readers' pool
// a program that does not compile.
func TestReaderCannotWrite(t *testing.T) {
	t.Parallel()
	reader, client := reflect.TypeFor[store.Reader](), reflect.TypeFor[ent.Client]()
	if got, want := methodsOf(reflect.PointerTo(reader)), []string{"Intercept"}; !slices.Equal(got, want) {
		t.Errorf("the methods of a reader are %v, not %v", got, want)
	}
	for i := range client.NumField() {
		table := client.Field(i)
		if _, is := table.Type.MethodByName("Query"); !is || !table.IsExported() {
			continue
		}
		t.Run(table.Name, func(t *testing.T) {
			t.Parallel()
			rows, found := reader.FieldByName(table.Name)
			if !found {
				t.Fatal("the reader does not read the table")
			}
			if got, want := methodsOf(rows.Type), []string{"Get", "GetX", "Query"}; !slices.Equal(got, want) {
				t.Errorf("the methods of the rows are %v, not %v", got, want)
			}
			get, _ := rows.Type.MethodByName("Get")
			if row := get.Type.Out(0); slices.Contains(methodsOf(row), "Update") {
				t.Errorf("%v writes itself with what it was read with", row)
			}
		})
	}
}

func methodsOf(typ reflect.Type) []string {
	names := make([]string, typ.NumMethod())
	for i := range names {
		names[i] = typ.Method(i).Name
	}
	return names
}

func TestConnectOnSQLite(t *testing.T) {
	t.Parallel()
	s := open(t, "sqlite://"+t.TempDir()+"/tallystick.db")
	if conn, err := s.Connect(t.Context()); err == nil || conn != nil {
		t.Errorf("a connection to listen on: %v, %v", conn, err)
	}
}
