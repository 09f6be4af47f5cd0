package httpapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

const (
	mediaJSON    = "application/json"
	mediaGraphQL = "application/graphql-response+json"
)

// responseType picks the media type of the answer: the one the client likes best, the
// one it names first among equals, application/json when it does not care. It reports
// false when the client takes neither.
func responseType(h http.Header) (string, bool) {
	accept := strings.Join(h.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return mediaJSON, true
	}
	best, bestQuality := "", 0.0
	for entry := range strings.SplitSeq(accept, ",") {
		name, params, err := mime.ParseMediaType(entry)
		if err != nil || !acceptsUTF8(params) {
			continue
		}
		if name == "*/*" || name == "application/*" {
			name = mediaJSON
		}
		if name != mediaJSON && name != mediaGraphQL {
			continue
		}
		if q := quality(params); q > bestQuality {
			best, bestQuality = name, q
		}
	}
	if best == "" {
		return mediaJSON, false
	}
	return best, true
}

func quality(params map[string]string) float64 {
	given, ok := params["q"]
	if !ok {
		return 1
	}
	q, err := strconv.ParseFloat(given, 64)
	if err != nil {
		return 0
	}
	return q
}

// acceptsUTF8 reports whether the parameters of a media type leave the one encoding
// that is spoken here.
func acceptsUTF8(params map[string]string) bool {
	charset, ok := params["charset"]
	return !ok || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}
