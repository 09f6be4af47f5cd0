package state

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tallystick/internal/stripesim/apierror"
)

// mostClauses is how many clauses a search may have.
const mostClauses = 10

// searchParser reads Stripe's search query language: clauses such as name:'Ada',
// email~"example", created>1700000000,
// -metadata['tier']:null, all joined by AND (or nothing), or all by OR.
type searchParser struct {
	rest   string
	plural string
	fields SearchFields
}

// clause is one comparison of a search.
type clause struct {
	field    string
	key      string // of metadata
	operator string
	value    string
	quoted   bool
	negated  bool
}

func unreadable() *apierror.Error {
	return apierror.Invalid("query", "We were unable to parse your search query. Try using the format `metadata[\"key\"]:\"value\"` to query for metadata or key:\"value\" to query for other fields.").BeforeWork()
}

// parseSearch turns a query into a condition on objects that have the given fields.
func parseSearch(query, plural string, fields SearchFields) (Condition, error) {
	p := &searchParser{rest: query, plural: plural, fields: fields}
	var found []Condition
	joint := ""
	for {
		one, err := p.clause()
		if err != nil {
			return Condition{}, err
		}
		condition, err := p.condition(one)
		if err != nil {
			return Condition{}, err
		}
		if found = append(found, condition); len(found) > mostClauses {
			return Condition{}, apierror.Invalid("query", "Your search query can have up to %d clauses.", mostClauses).BeforeWork()
		}
		word, more := p.joint()
		if !more {
			break
		}
		if joint != "" && word != joint {
			return Condition{}, apierror.Invalid("query", "You cannot combine AND and OR operators in the same search query.").BeforeWork()
		}
		joint = word
	}
	joined := Condition{Sql: "(" + found[0].Sql, Args: found[0].Args}
	for _, next := range found[1:] {
		joined.Sql += " " + joint + " " + next.Sql
		joined.Args = append(joined.Args, next.Args...)
	}
	joined.Sql += ")"
	return joined, nil
}

// joint reads what joins two clauses; a space alone means AND.
func (p *searchParser) joint() (word string, more bool) {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	if p.rest == "" {
		return "", false
	}
	for _, word := range []string{"AND", "OR"} {
		if len(p.rest) > len(word) && strings.EqualFold(p.rest[:len(word)], word) && p.rest[len(word)] == ' ' {
			p.rest = p.rest[len(word):]
			return word, true
		}
	}
	return "AND", true
}

func (p *searchParser) clause() (clause, error) {
	p.rest = strings.TrimLeft(p.rest, " \t\n")
	var one clause
	if rest, negated := strings.CutPrefix(p.rest, "-"); negated {
		one.negated, p.rest = true, rest
	}
	end := strings.IndexFunc(p.rest, func(r rune) bool { return !isFieldRune(r) })
	if end <= 0 {
		return one, unreadable()
	}
	one.field, p.rest = p.rest[:end], p.rest[end:]
	if inner, opened := strings.CutPrefix(p.rest, "["); opened {
		p.rest = inner
		key, quoted, err := p.value()
		if err != nil || !quoted || !strings.HasPrefix(p.rest, "]") {
			return one, unreadable()
		}
		one.key, p.rest = key, p.rest[1:]
	}
	for _, operator := range []string{">=", "<=", ":", "~", ">", "<", "="} {
		if rest, ok := strings.CutPrefix(p.rest, operator); ok {
			one.operator, p.rest = operator, rest
			break
		}
	}
	if one.operator == "" || (one.field == "metadata") != (one.key != "") {
		return one, unreadable()
	}
	var err error
	one.value, one.quoted, err = p.value()
	return one, err
}

func isFieldRune(r rune) bool {
	return r == '_' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// value reads a text in quotes, in which a backslash keeps the next character from its
// meaning, or a bare word.
func (p *searchParser) value() (value string, quoted bool, err error) {
	p.rest = strings.TrimLeft(p.rest, " ")
	if p.rest == "" {
		return "", false, unreadable()
	}
	quote := p.rest[0]
	if quote != '"' && quote != '\'' {
		end := strings.IndexAny(p.rest, " \t\n]")
		if end < 0 {
			end = len(p.rest)
		}
		value, p.rest = p.rest[:end], p.rest[end:]
		if value == "" || strings.ContainsAny(value, "'\"") {
			return "", false, unreadable()
		}
		return value, false, nil
	}
	var text strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\\' && i+1 < len(p.rest):
			i++
			text.WriteByte(p.rest[i])
		case c == quote:
			p.rest = p.rest[i+1:]
			return text.String(), true, nil
		default:
			text.WriteByte(c)
		}
	}
	return "", false, unreadable()
}

// condition is what a clause asks of an object.
func (p *searchParser) condition(one clause) (Condition, error) {
	kind, known := p.fields[one.field]
	var condition Condition
	var err error
	switch {
	case one.field == "metadata":
		condition, err = one.onMetadata()
	case !known:
		return condition, apierror.Invalid("query", "Field `%s` is an unsupported search field for resource `%s`. See http://stripe.com/docs/search#query-fields-for-%s for a list of supported fields.",
			one.field, p.plural, strings.ReplaceAll(p.plural, "_", "-")).BeforeWork()
	case one.value == "null" && !one.quoted && one.operator == ":":
		condition = Condition{Sql: one.column() + " IS NULL"}
	case kind == Number:
		condition, err = one.onNumber()
	case kind == Flag:
		condition, err = one.onFlag()
	default:
		condition, err = one.onText(kind)
	}
	if one.negated {
		condition.Sql = "NOT coalesce(" + condition.Sql + ", 0)"
	}
	return condition, err
}

// column is the field in the stored object. Its name is one of those that a kind
// allows, so that it holds no SQL.
func (x clause) column() string { return "body ->> '$." + x.field + "'" }

// unsupported refuses an operator that a field does not have.
func (x clause) unsupported() *apierror.Error {
	return apierror.Invalid("query", "Field `%s` does not support the operator `%s`.", x.field, x.operator).BeforeWork()
}

func (x clause) onNumber() (Condition, error) {
	operator := map[string]string{":": "=", "=": "=", ">": ">", "<": "<", ">=": ">=", "<=": "<="}[x.operator]
	if operator == "" {
		return Condition{}, x.unsupported()
	}
	number, err := strconv.ParseInt(x.value, 10, 64)
	if err != nil {
		return Condition{}, unreadable()
	}
	return Condition{Sql: fmt.Sprintf("%s %s ?", x.column(), operator), Args: []any{number}}, nil
}

func (x clause) onFlag() (Condition, error) {
	switch {
	case x.operator != ":":
		return Condition{}, x.unsupported()
	case !x.quoted || !slices.Contains([]string{"true", "false"}, strings.ToLower(x.value)):
		return Condition{}, unreadable()
	}
	return Condition{Sql: x.column() + " = ?", Args: []any{strings.EqualFold(x.value, "true")}}, nil
}

// onText compares without regard to case, whole or in part.
func (x clause) onText(kind SearchField) (Condition, error) {
	switch {
	case !x.quoted:
		return Condition{}, unreadable()
	case x.operator == ":":
		return Condition{Sql: "lower(" + x.column() + ") = lower(?)", Args: []any{x.value}}, nil
	case x.operator != "~" || kind != Text:
		return Condition{}, x.unsupported()
	case len([]rune(x.value)) < 3:
		return Condition{}, apierror.Invalid("query", "The `~` operator needs at least 3 characters.").BeforeWork()
	}
	return Condition{Sql: "instr(lower(" + x.column() + "), lower(?)) > 0", Args: []any{x.value}}, nil
}

func (x clause) onMetadata() (Condition, error) {
	const has = "EXISTS (SELECT 1 FROM json_each(body, '$.metadata') AS entry WHERE entry.key = ?"
	switch {
	case x.operator == ":" && x.value == "null" && !x.quoted:
		return Condition{Sql: "NOT " + has + ")", Args: []any{x.key}}, nil
	case !x.quoted:
		return Condition{}, unreadable()
	case x.operator == ":":
		return Condition{Sql: has + " AND lower(entry.value) = lower(?))", Args: []any{x.key, x.value}}, nil
	case x.operator == "~" && len([]rune(x.value)) >= 3:
		return Condition{Sql: has + " AND instr(lower(entry.value), lower(?)) > 0)", Args: []any{x.key, x.value}}, nil
	}
	return Condition{}, x.unsupported()
}
