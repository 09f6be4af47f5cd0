package httpapi

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// playgroundPolicy lets the page load what this server embeds, talk to this server, and
// nothing else. GraphiQL needs data: for the pictures and fonts in its style sheet.
const playgroundPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"font-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

//go:embed playground
var playgroundFiles embed.FS

// playground serves GraphiQL from embedded files. Everything but the page itself has
// the content's hash in its path, and is cached for good.
type playground struct {
	version string
	page    asset
	assets  map[string]asset // by path below the version
}

// asset is a file with its compressed form, which is made when it is first asked for.
type asset struct {
	contentType string
	etag        string
	plain       func() io.ReadSeeker
	compressed  func() []byte
}

// contentTypes does not ask the system, whose table may be missing or strange.
var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

const assetRoot = "/playground/"

func newPlayground() *playground {
	var names []string
	hash := sha256.New()
	err := fs.WalkDir(playgroundFiles, "playground", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		names = append(names, name)
		hash.Write([]byte(name))
		_, err = io.Copy(hash, embedded(name))
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program
	}

	p := &playground{version: hex.EncodeToString(hash.Sum(nil)[:8]), assets: map[string]asset{}}
	for _, name := range names {
		p.assets[strings.TrimPrefix(name, "playground/")] = p.asset(name, func() io.ReadSeeker { return embedded(name) })
	}
	html, err := io.ReadAll(embedded("playground/index.html"))
	if err != nil {
		panic(err)
	}
	html = bytes.ReplaceAll(html, []byte("{{assets}}"), []byte(assetRoot+p.version))
	p.page = p.asset("index.html", func() io.ReadSeeker { return bytes.NewReader(html) })
	delete(p.assets, "index.html")
	return p
}

// embedded opens a file of the playground, which stays where the program has it.
func embedded(name string) io.ReadSeeker {
	file, err := playgroundFiles.Open(name)
	if err != nil {
		panic(err)
	}
	return file.(io.ReadSeeker) //nolint:forcetypeassert // embed promises that
}

func (p *playground) asset(name string, plain func() io.ReadSeeker) asset {
	return asset{
		contentType: cmp.Or(contentTypes[path.Ext(name)], "text/plain; charset=utf-8"),
		etag:        p.version,
		plain:       plain,
		compressed:  sync.OnceValue(func() []byte { return compress(plain()) }),
	}
}

func compress(content io.Reader) []byte {
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	// Neither can fail from memory to memory.
	_, _ = io.Copy(w, content)
	_ = w.Close()
	return compressed.Bytes()
}

func (p *playground) servePage(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", playgroundPolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	p.page.serve(w, r)
}

func (p *playground) serveAsset(w http.ResponseWriter, r *http.Request) {
	file, ok := p.assets[r.PathValue("name")]
	if !ok || r.PathValue("version") != p.version {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	file.serve(w, r)
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Add("Vary", "Accept-Encoding")
	if !acceptsGzip(r.Header) {
		h.Set("ETag", `"`+a.etag+`"`)
		http.ServeContent(w, r, "", time.Time{}, a.plain())
		return
	}
	h.Set("Content-Encoding", "gzip")
	h.Set("ETag", `"`+a.etag+`-gzip"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.compressed()))
}

func acceptsGzip(h http.Header) bool {
	for entry := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, params, err := mime.ParseMediaType(entry)
		if err == nil && name == "gzip" {
			return quality(params) > 0
		}
	}
	return false
}
