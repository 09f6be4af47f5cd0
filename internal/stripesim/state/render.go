package state

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tallystick/internal/stripesim/apierror"
)

// maxExpandDepth is how many levels of properties Stripe expands in one go.
const maxExpandDepth = 4

// expandable names the fields of each kind, or part of one, that hold another object's
// id and may be expanded.
var expandable = map[string][]string{
	"product":        {"default_price"},
	"price":          {"product"},
	"customer":       {"test_clock", "default_source"},
	"payment_method": {"customer"},
	"promotion_code": {"customer"},
	"discount":       {"customer", "promotion_code"},

	"customer.invoice_settings": {"default_payment_method"},
	"subscription": {
		"customer", "default_payment_method", "latest_invoice", "pending_setup_intent", "schedule", "test_clock", "default_source",
	},
	"invoice": {
		"charge", "customer", "default_payment_method", "payment_intent", "subscription", "quote", "test_clock", "default_source",
		"discounts",
	},
	"invoice.total_discount_amounts":         {"discount"},
	"credit_note":                            {"customer", "customer_balance_transaction", "invoice", "refund"},
	"credit_note.tax_amounts":                {"tax_rate"},
	"credit_note.discount_amounts":           {"discount"},
	"credit_note_line_item.tax_amounts":      {"tax_rate"},
	"credit_note_line_item.discount_amounts": {"discount"},
	"customer_balance_transaction":           {"credit_note", "customer", "invoice"},
	"invoice.total_tax_amounts":              {"tax_rate"},
	"line_item.tax_amounts":                  {"tax_rate"},
	"line_item.discount_amounts":             {"discount"},
	"invoiceitem":                            {"customer", "invoice", "subscription", "discounts"},
	"line_item":                              {"subscription", "invoice_item", "discounts"},
	"payment_intent":                         {"customer", "invoice", "latest_charge", "payment_method", "review"},
	"charge":                                 {"customer", "invoice", "payment_intent", "balance_transaction", "review"},
	"setup_intent":                           {"customer", "payment_method"},
	"subscription_schedule":                  {"customer", "subscription", "test_clock"},
	"subscription_schedule.phases.items":     {"price"},
	"refund":                                 {"charge", "payment_intent", "balance_transaction"},
	"balance_transaction":                    {"source"},
	"dispute":                                {"charge", "payment_intent"},
	"checkout.session": {
		"customer", "invoice", "payment_intent", "setup_intent", "subscription", "payment_link",
	},
}

// Inlined names the fields that hold an id in the store but always the whole object on
// the wire.
var Inlined = map[string][]string{
	"customer":              {"discount"},
	"promotion_code":        {"coupon"},
	"discount":              {"coupon"},
	"subscription":          {"discount", "default_tax_rates"},
	"invoice":               {"discount", "default_tax_rates"},
	"subscription_item":     {"price", "tax_rates"},
	"line_item":             {"price", "tax_rates"},
	"invoiceitem":           {"price", "tax_rates"},
	"credit_note_line_item": {"tax_rates"},
	"item":                  {"price"},
}

// Render turns a result into what goes on the wire: complete with the fields that the
// sandbox never sets, and with the expansions that the request asks for.
func (t *Tx) Render(result any, expand []string) (any, error) {
	encoded, err := json.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("encode result: %w", err)
	}
	var value any
	if err := json.Unmarshal(encoded, &value); err != nil {
		return nil, fmt.Errorf("decode result: %w", err)
	}
	if err := t.complete(value); err != nil {
		return nil, err
	}
	shown := included{}
	for _, path := range expand {
		segments := strings.Split(path, ".")
		depth := len(segments)
		if segments[0] == "data" {
			depth--
		}
		if depth > maxExpandDepth {
			return nil, apierror.Invalid("expand", "You cannot expand more than %d levels of a property.", maxExpandDepth).BeforeWork()
		}
		if err := t.expand(value, "", segments, path, shown); err != nil {
			return nil, err
		}
	}
	shown.prune(value)
	return value, nil
}

// includable names the fields that are left out unless a request expands them.
var includable = map[string][]string{
	"search_result": {"total_count"},
	"price":         {"tiers", "currency_options"},
	"coupon":        {"applies_to", "currency_options"},
}

// included are the fields that a request has asked for, by the object that has them.
type included map[string]bool

func (s included) key(object map[string]any, field string) string {
	return fmt.Sprintf("%p %s", object, field)
}

// include shows a field of an object. The currencies of a price begin with its own.
func (s included) include(object map[string]any, field string) {
	s[s.key(object, field)] = true
	if field != "currency_options" {
		return
	}
	options, _ := object[field].(map[string]any)
	if options == nil {
		options = map[string]any{}
	}
	currency, _ := object["currency"].(string)
	options[currency] = map[string]any{
		"custom_unit_amount": nil, "tax_behavior": object["tax_behavior"],
		"unit_amount": object["unit_amount"], "unit_amount_decimal": object["unit_amount_decimal"],
	}
	object[field] = options
}

// prune takes away what nobody has asked for.
func (s included) prune(value any) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			s.prune(element)
		}
	case map[string]any:
		kind, _ := value["object"].(string)
		for _, field := range includable[kind] {
			if !s[s.key(value, field)] {
				delete(value, field)
			}
		}
		for field, inner := range value {
			if field != "metadata" {
				s.prune(inner)
			}
		}
	}
}

// complete adds to every object in value the constant fields of its kind, and writes
// out what is always inlined.
func (t *Tx) complete(value any) error {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			if err := t.complete(element); err != nil {
				return err
			}
		}
	case map[string]any:
		kind, _ := value["object"].(string)
		if err := t.addEdits(value, kind); err != nil {
			return err
		}
		delete(value, privateKey)
		for _, field := range Inlined[kind] {
			if err := t.inline(value, field); err != nil {
				return err
			}
		}
		if kind == "event" {
			return nil // its data is a snapshot, complete since the day it was taken
		}
		for field, inner := range value {
			if field == "metadata" {
				continue // whatever its keys are called, it is no object of Stripe's
			}
			if err := t.complete(inner); err != nil {
				return err
			}
		}
		addConstants(value, kind)
		addUndeclared(value, kind)
	}
	return nil
}

// addConstants adds the fields that never change to an object, unless somebody has edited them.
func addConstants(object map[string]any, kind string) {
	if object["deleted"] == true {
		return
	}
	for field, constant := range constants[kind] {
		if _, edited := object[field]; !edited {
			object[field] = constant
		}
	}
}

// addEdits adds the fields that somebody has given an object and that the sandbox does
// not model.
func (t *Tx) addEdits(object map[string]any, kind string) error {
	id, ok := object["id"].(string)
	if !t.Edited || !ok || kind == "event" || object["deleted"] == true {
		return nil
	}
	body, _, err := t.Body(id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	var stored map[string]any
	if err == nil {
		err = json.Unmarshal(body, &stored)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", id, err)
	}
	for field, value := range stored {
		if _, modelled := object[field]; !modelled {
			object[field] = value
		}
	}
	return nil
}

// expand follows one path and replaces the id at each step with the object it names.
// Place says where in an object a part of it without a kind of its own sits.
func (t *Tx) expand(value any, place string, segments []string, path string, shown included) error {
	if len(segments) == 0 {
		return nil
	}
	if elements, ok := value.([]any); ok {
		for _, element := range elements {
			if err := t.expand(element, place, segments, path, shown); err != nil {
				return err
			}
		}
		return nil
	}
	object, ok := value.(map[string]any)
	if !ok || object["deleted"] == true {
		return nil
	}
	field, kind := segments[0], place
	if name, ok := object["object"].(string); ok {
		kind = name
	}
	if len(segments) == 1 && slices.Contains(includable[kind], field) {
		shown.include(object, field)
		return nil
	}
	inner, present := object[field]
	isID := namesObjects(inner)
	known := slices.Contains(expandable[kind], field)
	switch {
	case known && isID:
		if err := t.expandField(object, field); err != nil {
			return err
		}
	case known && inner == nil:
		return nil
	case !known && (!present || inner == nil || isID || len(segments) == 1 && !isObject(inner)):
		return apierror.Invalid("expand", "This property cannot be expanded (%s).", path).BeforeWork()
	}
	return t.expand(object[field], kind+"."+field, segments[1:], path, shown)
}

// isObject says whether a field already holds the whole object, or a list: asking to
// expand it again does no harm.
func isObject(value any) bool {
	object, ok := value.(map[string]any)
	return ok && object["object"] != nil
}

// namesObjects says whether a field holds the id of an object, or those of several. An
// empty list may be of anything.
func namesObjects(value any) bool {
	if ids, several := value.([]any); several {
		return len(ids) > 0 && !slices.ContainsFunc(ids, func(id any) bool { return !namesObjects(id) })
	}
	_, one := value.(string)
	return one
}

// expandField replaces the ids in object[field] with the objects, or with what
// deletions have left of them.
func (t *Tx) expandField(object map[string]any, field string) (err error) {
	object[field], err = t.expanded(object[field], whatRemains)
	return err
}

// inline replaces the id in object[field] with the object, whole even if it has been
// deleted since.
func (t *Tx) inline(object map[string]any, field string) (err error) {
	if _, has := object[field]; has {
		object[field], err = t.expanded(object[field], func(whole map[string]any) map[string]any { return whole })
	}
	return err
}

// Remains is what can be seen of an object that has just been deleted.
func (t *Tx) Remains(id string) (any, error) { return t.expanded(id, whatRemains) }

// whatRemains is what can be seen of a deleted object: its id, but of a discount all
// except its end.
func whatRemains(whole map[string]any) map[string]any {
	if whole["object"] == "discount" {
		delete(whole, "end")
		whole["deleted"] = true
		return whole
	}
	return map[string]any{"id": whole["id"], "object": whole["object"], "deleted": true}
}

// expanded is the object whose id a value is, or several; anything else is as it was.
func (t *Tx) expanded(value any, deletedAs func(whole map[string]any) map[string]any) (any, error) {
	if several, ok := value.([]any); ok {
		for i, id := range several {
			one, err := t.expanded(id, deletedAs)
			if err != nil {
				return nil, err
			}
			several[i] = one
		}
		return several, nil
	}
	id, ok := value.(string)
	if !ok {
		return value, nil
	}
	body, deleted, err := t.Body(id)
	if errors.Is(err, sql.ErrNoRows) {
		return value, nil
	}
	var inner map[string]any
	if err == nil {
		err = json.Unmarshal(body, &inner)
	}
	if err != nil {
		return nil, fmt.Errorf("expand %s: %w", id, err)
	}
	if deleted {
		inner = deletedAs(inner)
	}
	return inner, t.complete(inner)
}
