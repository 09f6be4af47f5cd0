// Package page has the pages that Stripe hosts: the checkout and the customer portal,
// in plain HTML.
package page

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tallystick/internal/stripesim/apierror"
	"tallystick/internal/stripesim/clock"
	"tallystick/internal/stripesim/form"
	"tallystick/internal/stripesim/object/customer"
	"tallystick/internal/stripesim/state"
)

//go:embed pages
var pageFiles embed.FS

var pageTemplates = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// screen is what a person sees next: a page, or another address.
type screen struct {
	template string
	data     any
	status   int
	leadsTo  string // where a form on the page may end up, outside of the sandbox
	redirect string
}

// notice is a page with nothing to do on it.
type notice struct{ Title, Text, Link string }

// hostedPage is a page with forms that post to it. Show has a message when what was
// posted did not work.
type hostedPage struct {
	show   func(c *state.Request, message string) (*screen, error)
	submit func(c *state.Request) (*screen, error)
}

// Pages are those that Stripe hosts. Whoever has their address may use them, as with Stripe's.
type Pages struct{ *clock.Engine }

// Route adds the pages to a server.
func (s *Pages) Route(mux *http.ServeMux) {
	for path, page := range map[string]hostedPage{
		"/c/pay/{id}":     {showCheckout, submitCheckout},
		"/p/session/{id}": {showPortal, submitPortal},
		"/i/{id}":         {showInvoice, submitInvoice},
	} {
		mux.HandleFunc("GET "+path, s.showPage(page))
		mux.HandleFunc("POST "+path, s.submitPage(page))
	}
	mux.HandleFunc("GET /i/{id}/pdf", s.showPage(hostedPage{show: printInvoice}))
	mux.HandleFunc("GET /_sim/style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, pageFiles, "pages/style.css")
	})
}

func (s *Pages) showPage(page hostedPage) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.answerPage(w, r, func(c *state.Request) (*screen, error) { return page.show(c, "") }, false)
	}
}

// submitPage does what a form asks for. A refusal is shown on the page itself, and what
// had been done before it stands only when Stripe would let it stand.
func (s *Pages) submitPage(page hostedPage) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, form.MaxBody)
		if err := r.ParseForm(); err != nil {
			s.writeScreen(w, &screen{template: "notice.html", status: http.StatusBadRequest, data: notice{Title: "The form could not be read"}})
			return
		}
		s.answerPage(w, r, func(c *state.Request) (*screen, error) {
			next, err := page.submit(c)
			var refused *apierror.Error
			if !errors.As(err, &refused) || refused.Status == http.StatusNotFound {
				return next, err
			}
			if !refused.KeepsWork {
				if _, err := c.ExecContext(c.Ctx, "ROLLBACK TO page"); err != nil {
					return nil, err
				}
			}
			return page.show(c, refused.Message)
		}, true)
	}
}

// answerPage runs a page's work as one transaction.
func (s *Pages) answerPage(w http.ResponseWriter, r *http.Request, run func(c *state.Request) (*screen, error), writes bool) {
	next, err := s.pageWork(r, run, writes)
	var refused *apierror.Error
	switch {
	case errors.As(err, &refused):
		next = &screen{template: "notice.html", status: refused.Status, data: notice{Title: "There is no such page", Text: refused.Message}}
	case err != nil:
		s.Log.Error("sandbox page", "path", r.URL.Path, "error", err)
		next = &screen{template: "notice.html", status: http.StatusInternalServerError, data: notice{Title: "The sandbox has failed"}}
	}
	if next.redirect != "" {
		http.Redirect(w, r, next.redirect, http.StatusSeeOther)
		return
	}
	s.writeScreen(w, next)
}

func (s *Pages) pageWork(r *http.Request, run func(c *state.Request) (*screen, error), writes bool) (*screen, error) {
	t, err := s.Store.Begin(r.Context(), writes)
	if err != nil {
		return nil, err
	}
	defer t.Rollback()
	t.Now, err = t.MomentOf(s.Now(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if writes {
		if _, err := t.ExecContext(t.Ctx, "SAVEPOINT page"); err != nil {
			return nil, err
		}
	}
	next, err := run(&state.Request{Tx: t, HTTP: r})
	if err != nil || !writes {
		return next, err
	}
	return next, s.Commit(t)
}

// writeScreen sends a page that asks for nothing but its style, and runs no script.
func (s *Pages) writeScreen(w http.ResponseWriter, next *screen) {
	var page bytes.Buffer
	if err := pageTemplates.ExecuteTemplate(&page, next.template, next.data); err != nil {
		s.Log.Error("sandbox page", "template", next.template, "error", err)
		http.Error(w, "The sandbox has failed", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", strings.TrimSpace(
		"default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+origin(next.leadsTo)))
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	if next.status != 0 {
		w.WriteHeader(next.status)
	}
	_, _ = w.Write(page.Bytes())
}

// origin is the part of an address that a security policy can name.
func origin(address string) string {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" || strings.ContainsAny(target.Host, "; ,") {
		return ""
	}
	return target.Scheme + "://" + target.Host
}

// cardChoice is a test card that a page offers.
type cardChoice struct {
	Token, Label, Last4 string
	Chosen              bool
}

// cardsOnOffer are one of each kind.
var cardsOnOffer = []cardChoice{
	{Token: "pm_card_visa", Label: "Pays"},
	{Token: "pm_card_authenticationRequired", Label: "Needs authentication"},
	{Token: "pm_card_chargeCustomerFail", Label: "Can be kept, but declines every charge"},
	{Token: "pm_card_chargeDeclined", Label: "Is declined"},
}

// offeredCards are the cards of a page. The one that was chosen before is chosen still,
// or else the first.
func offeredCards(chosen string) []cardChoice {
	cards := slices.Clone(cardsOnOffer)
	for i := range cards {
		cards[i].Last4 = customer.TestCards[cards[i].Token].Last4
		cards[i].Chosen = cards[i].Token == chosen
	}
	if _, err := offered(chosen); err != nil {
		cards[0].Chosen = true
	}
	return cards
}

// offered is one of the cards that pages offer, by its token.
func offered(token string) (customer.TestCard, error) {
	if slices.ContainsFunc(cardsOnOffer, func(card cardChoice) bool { return card.Token == token }) {
		return customer.TestCards[token], nil
	}
	return customer.TestCard{}, apierror.Invalid("card", "Choose one of the test cards.")
}

func day(moment int64) string { return time.Unix(moment, 0).UTC().Format("2 January 2006") }
