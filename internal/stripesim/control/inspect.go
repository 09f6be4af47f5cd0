package control

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"time"

	"tallystick/internal/stripesim/state"
)

//go:embed inspect.html
var inspectFile embed.FS

var inspectTemplate = template.Must(template.New("inspect.html").Funcs(template.FuncMap{
	"moment": func(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05") },
}).ParseFS(inspectFile, "inspect.html"))

// shownRows is how many of each thing the inspection page shows.
const shownRows = 25

type inspection struct {
	Now      int64
	Kinds    []kindCount
	Kind     string // the kind whose latest objects are shown; empty: all
	Still    bool   // whether the page is left as it is, for people who need longer to read it
	Objects  []inspected
	Events   []inspected
	Requests []LoggedRequest
	Delivery webhookState
	Object   string // one object as it is stored, and its id
	Body     string
}

type kindCount struct {
	Kind  string
	Count int
}

// inspected is a line about an object or an event.
type inspected struct {
	ID, Kind, Status, About string
	Created                 int64
}

type webhookState struct{ Pending, Delivered, Failed, UnderWay int }

// inspect shows a person what the sandbox holds and what comes in: rendered here,
// without a script.
func (s *Controls) inspect(w http.ResponseWriter, r *http.Request) {
	t, err := s.Store.Begin(r.Context(), false)
	if err != nil {
		Fail(w, http.StatusInternalServerError, err)
		return
	}
	defer t.Rollback()
	view, err := s.look(t, r.URL.Query().Get("kind"), r.URL.Query().Get("object"))
	if err != nil {
		Fail(w, http.StatusInternalServerError, err)
		return
	}
	view.Still = r.URL.Query().Has("still")
	var page bytes.Buffer
	if err := inspectTemplate.Execute(&page, view); err != nil {
		Fail(w, http.StatusInternalServerError, err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	_, _ = w.Write(page.Bytes())
}

func (s *Controls) look(t *state.Tx, kind, object string) (view inspection, err error) {
	view = inspection{Now: s.Now(), Kind: kind, Object: object}
	if object != "" {
		view.Body, err = stored(t, object)
		return view, err
	}
	if view.Kinds, err = countKinds(t); err != nil {
		return view, err
	}
	if view.Objects, err = latest(t, `kind <> 'event' AND (?1 = '' OR kind = ?1)`, kind); err != nil {
		return view, err
	}
	if view.Events, err = latest(t, `kind = 'event' AND ?1 = ?1`, ""); err != nil {
		return view, err
	}
	requests, _ := s.Requests.list()
	slices.Reverse(requests)
	view.Requests = requests[:min(len(requests), shownRows)]
	deliveries, err := s.webhooks(t)
	view.Delivery = webhookState{
		Pending: deliveries.Pending, Delivered: deliveries.Delivered, Failed: deliveries.Failed, UnderWay: deliveries.UnderWay,
	}
	return view, err
}

// stored is an object as it goes on the wire; empty when there is none.
func stored(t *state.Tx, id string) (string, error) {
	found, err := latest(t, `id = ?1`, id)
	if err != nil || len(found) == 0 {
		return "", err
	}
	body, _, err := t.Body(id)
	if err != nil {
		return "", err
	}
	shown, err := t.Render(json.RawMessage(body), nil)
	if err != nil {
		return "", err
	}
	text, err := state.Encode(shown)
	return string(text), err
}

func countKinds(t *state.Tx) ([]kindCount, error) {
	rows, err := t.QueryContext(t.Ctx, `SELECT kind, count(*) FROM objects WHERE deleted = 0 AND kind <> 'event' GROUP BY kind ORDER BY kind`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var counts []kindCount
	for rows.Next() {
		var c kindCount
		if err := rows.Scan(&c.Kind, &c.Count); err != nil {
			return nil, err
		}
		counts = append(counts, c)
	}
	return counts, rows.Err()
}

// latest reads the newest objects that meet a condition on ?1.
func latest(t *state.Tx, condition, argument string) ([]inspected, error) {
	rows, err := t.QueryContext(t.Ctx, `SELECT id, kind, coalesce(body ->> '$.type', body ->> '$.status', ''),
		coalesce(body ->> '$.data.object.id', body ->> '$.email', body ->> '$.name', body ->> '$.description', body ->> '$.customer', ''),
		coalesce(body ->> '$.created', body ->> '$.date', 0)
		FROM objects WHERE deleted = 0 AND `+condition+` ORDER BY seq DESC LIMIT ?2`, argument, shownRows)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []inspected
	for rows.Next() {
		var x inspected
		if err := rows.Scan(&x.ID, &x.Kind, &x.Status, &x.About, &x.Created); err != nil {
			return nil, err
		}
		found = append(found, x)
	}
	return found, rows.Err()
}
