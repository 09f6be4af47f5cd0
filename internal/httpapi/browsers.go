package httpapi

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzhttp"
	"github.com/rs/cors"
)

// crossOrigin lets web pages of other origins call the API (CORS). It answers
// preflights, which bring no key.
func crossOrigin(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowOriginFunc: func(origin string) bool { return allows(origins, origin) },
		AllowedMethods:  []string{http.MethodGet, http.MethodPost},
		AllowedHeaders:  []string{"Accept", "Authorization", "Content-Type"},
		ExposedHeaders:  []string{"Retry-After"},
		MaxAge:          600,
	}).Handler(next)
}

// allows reports whether an origin is one of those that are let in. The port of a
// pattern may be *.
func allows(origins []string, origin string) bool {
	if slices.Contains(origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Path != "" || u.User != nil {
		return false
	}
	anyPort := u.Scheme + "://" + bracketed(u.Hostname()) + ":*"
	return slices.ContainsFunc(origins, func(pattern string) bool { return strings.EqualFold(pattern, anyPort) })
}

func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// compressed answers with gzip those that take it.
func compressed(next http.Handler) http.Handler {
	return gzhttp.GzipHandler(next)
}

// onlyLocalHosts refuses requests that name another host, with 421. A server that only
// this machine can reach gets such requests from web pages whose host name was made to
// lead here (DNS rebinding).
func onlyLocalHosts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "This server is only for this machine.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// mayIntrospect serves those who may ask for the schema.
func (g *graphQL) mayIntrospect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.exec.allowance(r.Context()).NoIntrospection {
			writeStatus(w, http.StatusForbidden, "forbidden")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// serveSDL serves the schema as it is committed.
func serveSDL(sdl string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(sdl))
	}
}
