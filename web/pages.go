package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed pages static
var embedded embed.FS

// asset is one embedded file with the headers of its response.
type asset struct {
	body        []byte
	contentType string
	etag        string // with quotes
}

// pages holds all embedded files and serves them.
type pages struct {
	files  map[string]asset   // by path, such as "static/azulejo.js"
	denied *template.Template // pages/refused.html, the page for a client without permission
}

// loadPages reads all embedded files.
func loadPages() (*pages, error) {
	p := &pages{files: map[string]asset{}}
	err := fs.WalkDir(embedded, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := embedded.ReadFile(name)
		if err != nil {
			return err
		}
		p.files[name] = newAsset(name, body)
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.denied, err = template.ParseFS(embedded, "pages/refused.html")
	return p, err
}

// static returns the paths of the files below static/.
func (p *pages) static() []string {
	var names []string
	for name := range p.files {
		if strings.HasPrefix(name, "static/") {
			names = append(names, name)
		}
	}
	return names
}

func newAsset(name string, body []byte) asset {
	sum := sha256.Sum256(body)
	return asset{body: body, contentType: contentType(name), etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
}

// contentType returns the Content-Type for a file name. It has a table for the types of our files, since the MIME tables of
// machines differ.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".webmanifest":
		return "application/manifest+json"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "text/plain; charset=utf-8"
}

// register adds the routes of all pages and static files to mux.
func (p *pages) register(mux *guardedMux) {
	for pattern, name := range map[string]string{
		"GET /{$}":            "pages/index.html",
		"GET /join/{room}":    "pages/join.html",
		"GET /wall/{room}":    "pages/wall.html",
		"GET /footage/{room}": "pages/footage.html",
		"GET /favicon.ico":    "static/favicon.svg",
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.send(w, r, name) })
	}
	for _, name := range p.static() {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { p.send(w, r, name) })
	}
}

// send answers with the file of this name. Browsers cache the file and revalidate it before each use. So a reload always
// gets the newest files, and file names need no version.
func (p *pages) send(w http.ResponseWriter, r *http.Request, name string) {
	f := p.files[name]
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "static/") {
		h.Set("Access-Control-Allow-Origin", "*") // pages of other origins may import azulejo.js
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(f.body))
}

// sendMissing answers with status 404 and the page for missing pages.
func (p *pages) sendMissing(w http.ResponseWriter) {
	f := p.files["pages/missing.html"]
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(f.body) // an error means that the client is gone
}

// sendRefused answers with the page for a client without permission. reason is the text of the refusal.
func (p *pages) sendRefused(w http.ResponseWriter, status int, reason string) {
	words := struct{ Title, Advice, Reason string }{"This address needs a token", "Ask whoever invited you for the whole address: it ends in ?\u2060token=…", reason}
	switch status {
	case http.StatusForbidden:
		words.Title, words.Advice = "This token does not open this page", "Ask whoever invited you for one that does."
	case http.StatusTooManyRequests:
		words.Title, words.Advice = "Too many tries", "Wait a minute, then load this page again."
	}
	w.Header().Set("Content-Type", contentType(".html"))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = p.denied.Execute(w, words) // an error means that the client is gone
}
