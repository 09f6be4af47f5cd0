package stripesim

const (
	maxMetadataKeys  = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

// metadataChange is what a request asks of an object's metadata: keys to set, keys to remove (an empty value), or
// everything gone.
type metadataChange struct {
	values map[string]string
	clear  bool
}

// metadata reads the metadata parameter within Stripe's limits.
func (p *params) metadata() metadataChange {
	f := p.take("metadata")
	if f == nil {
		return metadataChange{}
	}
	change := metadataChange{values: map[string]string{}, clear: p.cleared("metadata")}
	if f.leaf && !change.clear {
		p.fail(invalid(p.name("metadata"), "Invalid object"))
	}
	for _, key := range f.order {
		value := f.children[key]
		switch {
		case !value.leaf:
			p.fail(invalid(p.name("metadata"), "Metadata values must be strings, but for key '%s' you passed in a value of type `hash`", key))
		case len([]rune(key)) > maxMetadataKey:
			p.fail(invalid(p.name("metadata"), "Metadata keys can have up to %d characters, but you passed in a key that is %d characters. Invalid key: %s",
				maxMetadataKey, len([]rune(key)), shorten(key)))
		case len([]rune(value.value)) > maxMetadataValue:
			p.fail(invalid(p.name("metadata"), "Metadata values can have up to %d characters, but you passed in a value that is %d characters. Invalid value: %s",
				maxMetadataValue, len([]rune(value.value)), shorten(value.value)))
		}
		change.values[key] = value.value
	}
	return change
}

// applyTo merges the change into an object's metadata and returns the result.
func (m metadataChange) applyTo(old map[string]string) (map[string]string, error) {
	merged := map[string]string{}
	if !m.clear {
		for key, value := range old {
			merged[key] = value
		}
	}
	for key, value := range m.values {
		if value == "" {
			delete(merged, key)
		} else {
			merged[key] = value
		}
	}
	if len(merged) > maxMetadataKeys {
		return nil, invalid("metadata", "You can have up to %d keys, but this object would have %d", maxMetadataKeys, len(merged)).beforeWork()
	}
	return merged, nil
}
