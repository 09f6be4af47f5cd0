package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Trusted are documents that are known beforehand, by the hash under which clients ask
// for them.
type Trusted map[string]string

// ReadTrusted reads a manifest: a JSON object of hashes and documents, as
// graphql-codegen and relay-compiler write it. It fails when one of the documents is
// not valid in the schema, or asks for too much.
func ReadTrusted(ctx context.Context, path string, schema graphql.ExecutableSchema) (Trusted, error) {
	content, err := os.ReadFile(path) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, err
	}
	var trusted Trusted
	if err := json.Unmarshal(content, &trusted); err != nil {
		return nil, fmt.Errorf("%s is not a JSON object of hashes and documents", path)
	}
	known := newDocuments(Options{Schema: schema}, Limits{}.withDefaults())
	for hash, document := range trusted {
		if _, errs := known.load(ctx, document, true); errs != nil {
			return nil, fmt.Errorf("%s: the document %s is refused: %s", path, hash, errs[0].Message)
		}
	}
	return trusted, nil
}

// persisted finds documents by their hashes: those that are trusted, and those that
// clients have sent (Apollo's automatic persisted queries).
type persisted struct {
	trusted map[string]string
	texts   map[string]bool // the trusted documents themselves
	sent    *lru.LRU[string]
}

func newPersisted(trusted Trusted) *persisted {
	p := &persisted{trusted: trusted, texts: make(map[string]bool, len(trusted)), sent: lru.New[string](cachedDocuments)}
	for _, document := range trusted {
		p.texts[document] = true
	}
	return p
}

// errNotTrusted is the answer to those who may run trusted documents only.
func errNotTrusted() *gqlerror.Error {
	return newError(codeForbidden, "This key may run the documents of the server's manifest only")
}

// find completes the parameters of a request that names its document by a hash. What it
// returns is the hash under which to keep the document once it is found to be valid;
// empty when there is nothing to keep.
func (p *persisted) find(ctx context.Context, params *graphql.RawParams, trustedOnly bool) (keep string, err *gqlerror.Error) {
	hash, asked, err := persistedHash(params.Extensions)
	switch {
	case err != nil:
		return "", err
	case asked && params.Query == "":
		if params.Query, asked = p.trusted[hash]; asked {
			return "", nil
		}
		if trustedOnly {
			return "", errNotTrusted()
		}
		if params.Query, asked = p.sent.Get(ctx, hash); !asked {
			return "", newError(codePersistedQueryNotFound, "PersistedQueryNotFound")
		}
		return "", nil
	case trustedOnly && !p.texts[params.Query]:
		return "", errNotTrusted()
	case !asked || p.texts[params.Query]:
		return "", nil
	}
	if sum := sha256.Sum256([]byte(params.Query)); !strings.EqualFold(hash, hex.EncodeToString(sum[:])) {
		return "", newError(codeBadUserInput, "extensions.persistedQuery.sha256Hash is not the hash of the query")
	}
	return strings.ToLower(hash), nil
}

// keep remembers a document under its hash. One of the length of a book is not worth it.
func (p *persisted) keep(ctx context.Context, hash, query string) {
	if hash != "" && len(query) <= maxCachedBytes {
		p.sent.Add(ctx, hash, query)
	}
}

// persistedHash reads extensions.persistedQuery.
func persistedHash(extensions map[string]any) (hash string, asked bool, err *gqlerror.Error) {
	given, asked := extensions["persistedQuery"]
	if !asked || given == nil {
		return "", false, nil
	}
	fields, _ := given.(map[string]any)
	hash, ok := fields["sha256Hash"].(string)
	switch {
	case fmt.Sprint(fields["version"]) != "1":
		return "", true, newError(codeBadUserInput, "extensions.persistedQuery.version must be 1")
	case !ok || hash == "":
		return "", true, newError(codeBadUserInput, "extensions.persistedQuery.sha256Hash must be a string")
	}
	return hash, true, nil
}
