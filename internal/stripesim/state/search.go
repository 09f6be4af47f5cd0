package state

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/form"
)

// SearchField is what can be asked of a field in a search.
type SearchField int

// The kinds of field: a word that is matched whole, a text that can be matched in part
// too, a number, a yes or no.
const (
	Token SearchField = iota
	Text
	Number
	Flag
)

// SearchFields are the fields that can be searched, by their paths. Metadata always can.
type SearchFields map[string]SearchField

// How long a new object stays out of searches: Stripe's index follows within a minute.
const (
	SearchLagSetting = "search_lag"
	DefaultSearchLag = 10 * time.Second
)

// SearchLag is how long a new object stays out of searches.
func (t *Tx) SearchLag() (time.Duration, error) {
	text, err := t.Setting(SearchLagSetting, DefaultSearchLag.String())
	if err != nil {
		return 0, err
	}
	return time.ParseDuration(text)
}

// searchResult is a page of what a search has found.
type searchResult struct {
	Object     string  `json:"object"`
	Data       []any   `json:"data"`
	HasMore    bool    `json:"has_more"`
	NextPage   *string `json:"next_page"`
	TotalCount int     `json:"total_count"`
	URL        string  `json:"url"`
}

// Search answers a search among the objects of a kind; plural is their name in the API's paths.
func (c *Request) Search(kind, plural string, fields SearchFields) (any, error) {
	query := c.Params.Required("query", form.MaxText)
	limit, after := c.Params.Limit(), c.Params.Text("page", form.MaxText)
	if err := c.Params.Done(); err != nil {
		return nil, err
	}
	wanted, err := parseSearch(query, plural, fields)
	if err != nil {
		return nil, err
	}
	lag, err := c.SearchLag()
	if err != nil {
		return nil, fmt.Errorf("read the lag of searches: %w", err)
	}
	// What a test clock has made in the future is old enough.
	conditions := []Condition{wanted, {
		Sql: "(body ->> '$.created' <= ? OR body ->> '$.created' > ?)", Args: []any{c.Now - int64(lag/time.Second), c.Now},
	}}
	plain := *c.Tx
	plain.statements = nil // searches have too many forms to prepare them
	result := &searchResult{Object: "search_result", Data: []any{}, URL: "/v1/" + plural + "/search"}
	if result.TotalCount, err = plain.count(kind, conditions); err != nil {
		return nil, err
	}
	if after != nil {
		position, err := decodePage(*after)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, Condition{Sql: "seq < ?", Args: []any{position}})
	}
	bodies, err := plain.selectBodies(kind, conditions, false, limit+1)
	if err != nil {
		return nil, err
	}
	result.HasMore = len(bodies) > limit
	for _, body := range bodies[:min(len(bodies), limit)] {
		result.Data = append(result.Data, json.RawMessage(body))
	}
	if result.HasMore {
		result.NextPage, err = c.pageAfter(bodies[limit-1])
	}
	return result, err
}

// count is how many live objects of a kind meet every condition.
func (t *Tx) count(kind string, conditions []Condition) (found int, err error) {
	query, args := "SELECT count(*) FROM objects WHERE kind = ? AND deleted = 0", []any{kind}
	for _, c := range conditions {
		query += " AND " + c.Sql
		args = append(args, c.Args...)
	}
	if err = t.QueryRowContext(t.Ctx, query, args...).Scan(&found); err != nil {
		err = fmt.Errorf("count %s objects: %w", kind, err)
	}
	return found, err
}

// pageAfter is the cursor of the page that follows an object.
func (t *Tx) pageAfter(body []byte) (*string, error) {
	last, err := Decode[struct {
		ID string `json:"id"`
	}](body)
	if err != nil {
		return nil, err
	}
	var seq int64
	if err := t.QueryRowContext(t.Ctx, `SELECT seq FROM objects WHERE id = ?`, last.ID).Scan(&seq); err != nil {
		return nil, fmt.Errorf("find the place of %s: %w", last.ID, err)
	}
	cursor := base64.RawURLEncoding.EncodeToString([]byte("seq:" + strconv.FormatInt(seq, 10)))
	return &cursor, nil
}

func decodePage(cursor string) (int64, error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	number, ok := strings.CutPrefix(string(text), "seq:")
	seq, numeric := strconv.ParseInt(number, 10, 64)
	if err != nil || !ok || numeric != nil {
		return 0, apierror.Invalid("page", "Invalid page: %s", cursor).BeforeWork()
	}
	return seq, nil
}
