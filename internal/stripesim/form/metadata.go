package form

import (
	"tallystick/internal/stripesim/apierror"
)

const (
	maxMetadataKeys  = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// MetadataChange is what a request asks of an object's metadata: keys to set, keys to
// remove (an empty value), or everything gone.
type MetadataChange struct {
	Values map[string]string
	clear  bool
}

// Metadata reads the metadata parameter within Stripe's limits.
func (p *Params) Metadata() MetadataChange {
	f := p.Take("metadata")
	if f == nil {
		return MetadataChange{}
	}
	change := MetadataChange{Values: map[string]string{}, clear: p.Cleared("metadata")}
	if f.Leaf && !change.clear {
		p.Fail(apierror.Invalid(p.Name("metadata"), "Invalid object"))
	}
	for _, key := range f.Order {
		value := f.Children[key]
		switch {
		case !value.Leaf:
			p.Fail(apierror.Invalid(p.Name("metadata"), "Metadata values must be strings, but for key '%s' you passed in a value of type `hash`", key))
		case len([]rune(key)) > maxMetadataKey:
			p.Fail(apierror.Invalid(p.Name("metadata"), "Metadata keys can have up to %d characters, but you passed in a key that is %d characters. Invalid key: %s",
				maxMetadataKey, len([]rune(key)), shorten(key)))
		case len([]rune(value.Value)) > maxMetadataValue:
			p.Fail(apierror.Invalid(p.Name("metadata"), "Metadata values can have up to %d characters, but you passed in a value that is %d characters. Invalid value: %s",
				maxMetadataValue, len([]rune(value.Value)), shorten(value.Value)))
		}
		change.Values[key] = value.Value
	}
	return change
}

// ApplyTo merges the change into an object's metadata and returns the result.
func (m MetadataChange) ApplyTo(old map[string]string) (map[string]string, error) {
	merged := map[string]string{}
	if !m.clear {
		for key, value := range old {
			merged[key] = value
		}
	}
	for key, value := range m.Values {
		if value == "" {
			delete(merged, key)
		} else {
			merged[key] = value
		}
	}
	if len(merged) > maxMetadataKeys {
		return nil, apierror.Invalid("metadata", "You can have up to %d keys, but this object would have %d", maxMetadataKeys, len(merged)).BeforeWork()
	}
	return merged, nil
}
