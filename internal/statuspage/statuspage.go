// Package statuspage is the page for the person on call: how the two halves stand,
// which operations wait or need attention and why, what differs, and what Stripe
// has reported. Operations are retried and resolved from it by forms.
//
// The page works without JavaScript. Whoever opens it signs in with a key that has
// READ_OPERATIONS; the browser keeps the key in a cookie that no script can read
// and that no other site's request carries.
package statuspage

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"tallystick/ent"
	"tallystick/ent/operation"
	"tallystick/internal/auth"
	"tallystick/internal/billing"
	"tallystick/internal/health"
	"tallystick/internal/store"
	"tallystick/internal/stripesync"
)

// Options is what the page shows and acts on. All are required.
type Options struct {
	Store  *store.Store
	Health *health.Reader
	Sync   *stripesync.Engine
	// Authenticate returns a context in which the owner of a key is asking.
	Authenticate func(ctx context.Context, key string) (context.Context, error)
	Logger       *slog.Logger
}

const (
	root       = "/status"
	cookieName = "tallystick_status"
	// signedIn is how long a browser keeps the key: a shift.
	signedIn = 12 * time.Hour
	maxForm  = 16 << 10
)

//go:embed page.html page.css
var files embed.FS

type page struct {
	Options
	template *template.Template
	policy   string
}

// New returns the handler of /status and of what is below it.
func New(o Options) http.Handler {
	css, err := files.ReadFile("page.css")
	if err != nil {
		panic(err) // the files are part of the program
	}
	hash := sha256.Sum256(css)
	p := &page{Options: o, policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"}
	p.template = template.Must(template.New("page.html").Funcs(template.FuncMap{
		"css": func() template.CSS { return template.CSS(css) }, //nolint:gosec // a file of the program
		"pair": func(v view, op *ent.Operation) any {
			return struct {
				Page      view
				Operation *ent.Operation
			}{v, op}
		},
	}).ParseFS(files, "page.html"))

	mux := http.NewServeMux()
	mux.HandleFunc("GET "+root, p.show)
	mux.HandleFunc("POST "+root+"/sign-in", p.signIn)
	mux.HandleFunc("POST "+root+"/sign-out", p.signOut)
	mux.HandleFunc("POST "+root+"/retry", p.act(p.retry))
	mux.HandleFunc("POST "+root+"/resolve", p.act(p.resolve))
	return p.headers(http.NewCrossOriginProtection().Handler(mux))
}

func (p *page) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", p.policy)
		// With no-referrer a browser would hide from us too where a form comes from.
		w.Header().Set("Referrer-Policy", "same-origin")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// asking is who asks, and the key that says so; false once the request is answered.
func (p *page) asking(w http.ResponseWriter, r *http.Request) (context.Context, string, bool) {
	var key string
	if cookie, err := r.Cookie(cookieName); err == nil {
		key = cookie.Value
	}
	ctx, err := p.admit(r.Context(), key)
	if err != nil {
		p.refuse(w, r, key, err)
		return nil, "", false
	}
	return ctx, key, true
}

func (p *page) admit(ctx context.Context, key string) (context.Context, error) {
	if key == "" {
		return nil, auth.ErrUnauthenticated
	}
	ctx, err := p.Authenticate(ctx, key)
	if err != nil {
		return nil, err
	}
	if who, _ := auth.From(ctx); !who.Has(auth.ReadOperations) {
		return nil, auth.LacksScope(auth.ReadOperations)
	}
	return ctx, nil
}

// refuse asks for a key, and says what was wrong with the one that came.
func (p *page) refuse(w http.ResponseWriter, r *http.Request, key string, err error) {
	var forbidden *auth.ForbiddenError
	switch {
	case errors.As(err, &forbidden):
		p.render(w, r, http.StatusForbidden, view{Problem: "This key may not see the status. " + forbidden.Error()})
	case !errors.Is(err, auth.ErrUnauthenticated):
		p.fail(w, r, err)
	case key == "":
		p.render(w, r, http.StatusUnauthorized, view{})
	default:
		p.render(w, r, http.StatusUnauthorized, view{Problem: "This key is not valid here."})
	}
}

func (p *page) signIn(w http.ResponseWriter, r *http.Request) {
	key := r.PostFormValue("key")
	if _, err := p.admit(r.Context(), key); err != nil {
		p.refuse(w, r, cmp.Or(key, "none"), err)
		return
	}
	http.SetCookie(w, cookie(r, key, int(signedIn.Seconds())))
	http.Redirect(w, r, root, http.StatusSeeOther)
}

func (p *page) signOut(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, cookie(r, "", -1))
	http.Redirect(w, r, root, http.StatusSeeOther)
}

func cookie(r *http.Request, key string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: key, Path: root, MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
	}
}

func (p *page) show(w http.ResponseWriter, r *http.Request) {
	if ctx, key, ok := p.asking(w, r); ok {
		p.showTo(w, r.WithContext(ctx), key, http.StatusOK, "")
	}
}

func (p *page) showTo(w http.ResponseWriter, r *http.Request, key string, status int, problem string) {
	v, err := p.read(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	if id := r.URL.Query().Get(acted); id != "" && problem == "" {
		if v.Acted, err = p.afterwards(r.Context(), id, nil); err != nil {
			p.fail(w, r, err)
			return
		}
	}
	v.Token, v.Once, v.Problem = token(key), rand.Text(), problem
	p.render(w, r, status, v)
}

// act carries out what a form asks for. Only the page that was made for the key
// knows the form's token, so that no other page can send the form.
func (p *page) act(do func(ctx context.Context, id, once string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, key, ok := p.asking(w, r)
		if !ok {
			return
		}
		r = r.WithContext(ctx)
		if !hmac.Equal([]byte(r.PostFormValue("token")), []byte(token(key))) {
			p.showTo(w, r, key, http.StatusForbidden, "The form was out of date, and nothing was done. Try again.")
			return
		}
		if who, _ := auth.From(ctx); !who.Has(auth.WriteOperations) {
			p.showTo(w, r, key, http.StatusForbidden, auth.LacksScope(auth.WriteOperations).Error())
			return
		}
		id := r.PostFormValue("operation")
		op, err := p.afterwards(ctx, id, do(auth.Trusted(ctx), id, r.PostFormValue("once")))
		var refusal *billing.Error
		switch {
		case errors.As(err, &refusal):
			p.showTo(w, r, key, http.StatusConflict, refusal.Message)
		case err != nil:
			p.fail(w, r, err)
		default:
			http.Redirect(w, r, root+"?"+acted+"="+op.ID, http.StatusSeeOther)
		}
	}
}

// acted names the operation that a form was about.
const acted = "operation"

// afterwards is an operation after something was done about it. That Stripe refuses
// the change for good, so that the operation is over, is no error of the form.
func (p *page) afterwards(ctx context.Context, id string, cause error) (*ent.Operation, error) {
	var refusal *billing.Error
	if cause != nil && !errors.As(cause, &refusal) {
		return nil, cause
	}
	op, err := store.OrNil(p.Store.Reader.Operation.Query().Where(operation.ID(id)).Only(ctx))
	switch {
	case err != nil:
		return nil, err
	case op == nil || !op.Status.Finished():
		return op, cause
	}
	return op, nil
}

func (p *page) retry(ctx context.Context, id, once string) error {
	_, err := p.Sync.RetryOperation(ctx, stripesync.RetryOperation{OperationID: id, IdempotencyKey: &once})
	return err
}

func (p *page) resolve(ctx context.Context, id, once string) error {
	_, err := p.Sync.ResolveOperation(ctx, stripesync.ResolveOperation{
		OperationID: id, Accept: billing.ResolutionStripe, IdempotencyKey: &once,
	})
	return err
}

// token is what the forms of a key's pages carry.
func token(key string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("a form of the status page")) // never fails
	return hex.EncodeToString(mac.Sum(nil))
}

func (p *page) fail(w http.ResponseWriter, r *http.Request, err error) {
	id := rand.Text()[:12]
	p.Logger.ErrorContext(r.Context(), "the status page failed", "error", err, "id", id)
	p.render(w, r, http.StatusInternalServerError, view{Problem: "The status cannot be shown. The log says why, under " + id + "."})
}

func (p *page) render(w http.ResponseWriter, r *http.Request, status int, v view) {
	var b bytes.Buffer
	if err := p.template.Execute(&b, v); err != nil {
		p.Logger.ErrorContext(r.Context(), "the status page failed", "error", err)
		http.Error(w, "The status cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
