// Package httpapi is the server's HTTP face: GraphQL over HTTP behind its limits, the
// playground, and the endpoints that operators and Stripe use.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
)

// Options is what the API is made of. Schema and Authenticate are required.
type Options struct {
	Schema graphql.ExecutableSchema

	// ErrorPresenter turns the errors of resolvers into GraphQL errors with
	// extensions.code. Errors about the request itself have theirs already and do not pass
	// through it.
	ErrorPresenter graphql.ErrorPresenterFunc
	Recover        graphql.RecoverFunc

	// Authenticate finds out whose key it is and returns the context to serve the request
	// in. On an error the request is answered with 401.
	Authenticate func(ctx context.Context, bearer string) (context.Context, error)

	// CheckCursor reports what is wrong with the cursor of a page. The connections below
	// other fields are loaded before their arguments are read, so that only a look at the
	// document finds it in time. Nil accepts everything.
	CheckCursor func(cursor any) error

	// Ending is closed when the server begins to shut down, so that live updates end. Nil
	// never is.
	Ending <-chan struct{}

	// Allowance is what the principal of a context may ask for. Nil is everything for everybody.
	Allowance func(ctx context.Context) Allowance

	// Trusted are the documents that everybody may run.
	Trusted Trusted

	// SchemaNeedsKey says that the SDL is for those who may introspect, as Allowance says,
	// and not for everybody.
	SchemaNeedsKey bool

	// Around runs around each operation, after the limits are checked; Cost tells it what
	// the operation costs.
	Around graphql.OperationMiddleware

	// Ready reports why requests cannot be served yet; nil means always ready.
	Ready func(context.Context) error

	Metrics http.Handler // served at /metrics
	// MetricsNeedKey says that the metrics are for those who have a valid key.
	MetricsNeedKey bool
	// Origins are those whose web pages may call the API.
	Origins []string
	// LocalOnly says that only this machine can reach the server.
	LocalOnly bool
	Webhooks  http.Handler // served at /webhooks/stripe
	Status    http.Handler // served at /status and below
	Limits    Limits
	Logger    *slog.Logger
}

// New returns the handler of every route.
func New(o Options) http.Handler {
	countFrom0()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	limits := o.Limits.withDefaults()

	api := &graphQL{exec: newEngine(o, limits), authenticate: o.Authenticate, limits: limits, origins: o.Origins, ending: o.Ending}
	mux := http.NewServeMux()
	mux.Handle("/graphql", crossOrigin(o.Origins, api.webSockets(fewLargeBodies(compressed(api)))))
	var sdl http.Handler = serveSDL(o.Schema.Schema().Query.Position.Src.Input)
	if o.SchemaNeedsKey {
		sdl = api.withKey(api.mayIntrospect(sdl))
	}
	mux.Handle("GET /schema.graphql", crossOrigin(o.Origins, compressed(sdl)))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeStatus(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", readiness(o.Ready, o.Logger))
	play := newPlayground()
	mux.HandleFunc("GET /{$}", play.servePage)
	mux.HandleFunc("GET "+assetRoot+"{version}/{name...}", play.serveAsset)
	if o.Metrics != nil {
		metrics := o.Metrics
		if o.MetricsNeedKey {
			metrics = api.withKey(metrics)
		}
		mux.Handle("GET /metrics", metrics)
	}
	if o.Status != nil {
		mux.Handle("/status", o.Status)
		mux.Handle("/status/", o.Status)
	}
	if o.Webhooks != nil {
		mux.Handle("POST /webhooks/stripe", fewLargeBodies(o.Webhooks))
	}
	if o.LocalOnly {
		return secured(onlyLocalHosts(mux))
	}
	return secured(mux)
}

// readiness says no more than yes or no: the reason is for the log, since anybody may ask.
func readiness(ready func(context.Context) error, logger *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if ready != nil {
			if err := ready(r.Context()); err != nil {
				logger.WarnContext(r.Context(), "not ready", "error", err)
				writeStatus(w, http.StatusServiceUnavailable, "unavailable")
				return
			}
		}
		writeStatus(w, http.StatusOK, "ok")
	}
}

func writeStatus(w http.ResponseWriter, status int, word string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"status":"` + word + `"}` + "\n"))
}

// secured sets what every answer carries; a handler that knows better overwrites it.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}
