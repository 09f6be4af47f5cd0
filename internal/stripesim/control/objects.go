package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/state"
)

// objectEdit sets fields of an object to whatever a test wants, past all rules: {"set":
// {"discount": {…}}}. A path leads into the object: items.data.0.quantity. Fields that
// the sandbox does not model last until the object's next change.
type objectEdit struct {
	Set map[string]any `json:"set"`
	// Event is the type of the event that tells of it; none by default, as if it had been lost.
	Event string `json:"event"`
}

func editObject(c *state.Request) (any, error) {
	var in objectEdit
	if err := readControl(c.HTTP, &in); err != nil {
		return nil, apierror.Invalid("", "%s", err)
	}
	id := c.HTTP.PathValue("id")
	body, deleted, err := c.Body(id)
	if err != nil || deleted {
		return nil, apierror.NotFound("object", id, "id")
	}
	edited := &editedObject{}
	if err := json.Unmarshal(body, &edited.fields); err != nil {
		return nil, fmt.Errorf("read %s: %w", id, err)
	}
	for path, value := range in.Set {
		if err := setField(edited.fields, strings.Split(path, "."), value); err != nil {
			return nil, apierror.Invalid(path, "%s", err)
		}
	}
	if err := c.Replace(edited, edited.fields["deleted"] == true); err != nil {
		return nil, err
	}
	if err := c.PutSetting(state.EditedSetting, "true"); err != nil {
		return nil, err
	}
	c.Tx.Edited = true
	if in.Event != "" {
		return edited, c.Emit(in.Event, edited, nil)
	}
	return edited, nil
}

// editedObject is an object of any kind.
type editedObject struct{ fields map[string]any }

func (x *editedObject) Identity() (id, kind string) {
	id, _ = x.fields["id"].(string)
	kind, _ = x.fields["object"].(string)
	return id, kind
}

// MarshalJSON implements [json.Marshaler].
func (x *editedObject) MarshalJSON() ([]byte, error) { return json.Marshal(x.fields) }

// setField sets the field that a path leads to. Where the store keeps an object by its
// id, so does the edit.
func setField(in any, path []string, value any) error {
	switch in := in.(type) {
	case map[string]any:
		if len(path) > 1 {
			return setField(in[path[0]], path[1:], value)
		}
		kind, _ := in["object"].(string)
		if whole, ok := value.(map[string]any); ok && slices.Contains(state.Inlined[kind], path[0]) {
			value = whole["id"]
		}
		in[path[0]] = value
		return nil
	case []any:
		n, err := strconv.Atoi(path[0])
		if err != nil || n < 0 || n >= len(in) || len(path) == 1 {
			return errors.New("the path leads nowhere")
		}
		return setField(in[n], path[1:], value)
	}
	return errors.New("the path leads nowhere")
}

// editing is the control that edits objects. From then on, objects are looked up for
// fields that are not modelled.
func (s *Controls) editing() http.HandlerFunc {
	edit := s.changing(editObject)
	return func(w http.ResponseWriter, r *http.Request) {
		s.Store.Edited.Store(true)
		edit(w, r)
	}
}
