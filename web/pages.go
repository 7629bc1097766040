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

// asset is one embedded file with its ETag.
type asset struct {
	body []byte
	kind string
	etag string
}

// pages has every embedded file by its path, such as "static/azulejo.js".
type pages struct {
	files  map[string]asset
	denied *template.Template // the page for a client without permission
}

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

// static are the names of the files below static, which pages load.
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
	return asset{body: body, kind: contentType(name), etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
}

// contentType has its own table for our files: the system's MIME tables differ between machines.
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

func (p *pages) register(mux *gate) {
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

// send answers with a file. Browsers cache it and revalidate it each time: a wall that runs for months gets a new version
// by a reload, without versioned names.
func (p *pages) send(w http.ResponseWriter, r *http.Request, name string) {
	f := p.files[name]
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("ETag", f.etag)
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "static/") {
		h.Set("Access-Control-Allow-Origin", "*") // azulejo.js may be imported from other pages
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(f.body))
}

func (p *pages) missing(w http.ResponseWriter) {
	f := p.files["pages/missing.html"]
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(f.body) // an error means that the client is gone
}

// refused answers with the page that shows why the client has no permission.
func (p *pages) refused(w http.ResponseWriter, status int, reason string) {
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
