package state

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
)

// Encode writes a rendered value as Stripe does: indented, the keys of an object in
// order behind its id and its kind.
func Encode(value any) ([]byte, error) {
	var b bytes.Buffer
	err := encode(&b, value, "\n")
	return b.Bytes(), err
}

// encode writes one value; indent is the line break before a sibling of it.
func encode(b *bytes.Buffer, value any, indent string) error {
	switch value := value.(type) {
	case map[string]any:
		return encodeObject(b, value, indent)
	case []any:
		if len(value) == 0 {
			b.WriteString("[]")
			return nil
		}
		for i, element := range value {
			b.WriteByte("[,"[min(i, 1)])
			b.WriteString(indent + "  ")
			if err := encode(b, element, indent+"  "); err != nil {
				return err
			}
		}
		b.WriteString(indent + "]")
		return nil
	}
	scalar, err := json.Marshal(value)
	b.Write(scalar)
	return err
}

func encodeObject(b *bytes.Buffer, object map[string]any, indent string) error {
	if len(object) == 0 {
		b.WriteString("{}")
		return nil
	}
	for i, key := range keysOf(object) {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(indent + "  ")
		name, err := json.Marshal(key)
		if err != nil {
			return err
		}
		b.Write(name)
		b.WriteString(": ")
		if err := encode(b, object[key], indent+"  "); err != nil {
			return err
		}
	}
	b.WriteString(indent + "}")
	return nil
}

// keysOf are an object's keys in the order that Stripe sends them.
func keysOf(object map[string]any) []string {
	keys := slices.Collect(maps.Keys(object))
	slices.SortFunc(keys, func(x, y string) int {
		if byRank := rank(x) - rank(y); byRank != 0 {
			return byRank
		}
		return cmp.Compare(x, y)
	})
	return keys
}

func rank(key string) int {
	switch key {
	case "id":
		return 0
	case "object":
		return 1
	}
	return 2
}
