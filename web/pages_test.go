package web

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

func TestPagesAndHeaders(t *testing.T) {
	srv := serveTest(t, &registry{}, nil)
	for _, p := range []string{"/", "/join/yard", "/wall/yard?audio=0", "/footage/a%20b", "/favicon.ico", "/static/azulejo.js"} {
		a := request(t, "GET", srv.URL+p)
		if a.status != 200 || a.header.Get("ETag") == "" || a.header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d %v", p, a.status, a.header)
		}
		if !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s lacks its security headers: %v", p, a.header)
		}
		if again := request(t, "GET", srv.URL+p, "If-None-Match", a.header.Get("ETag")); again.status != 304 {
			t.Errorf("%s: %d with its own ETag, want 304", p, again.status)
		}
	}
}

var (
	reference = regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`)
	imported  = regexp.MustCompile(`(?:from|import)\s*\(?["'](\./[^"']+)["']`)
	inline    = regexp.MustCompile(`<script>|<style|\sstyle="|\son[a-z]+="|javascript:`)
)

// part is the text by which a file defines the fragment id; the empty fragment is in every file.
func part(id string) string {
	if id == "" {
		return ""
	}
	return `id="` + id + `"`
}

// vendored files are copied to the sources by the build.
const vendored = "static/vendor/hls.light.min.mjs"

func TestPagesReferToWhatExists(t *testing.T) {
	p, err := loadPages()
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for name, f := range p.files {
		if name == vendored {
			continue
		}
		text := string(f.body)
		for _, m := range reference.FindAllStringSubmatch(text, -1) {
			checked++
			target, id, _ := strings.Cut(strings.TrimPrefix(m[1], "/"), "#")
			if f, ok := p.files[target]; !ok || !strings.Contains(string(f.body), part(id)) {
				t.Errorf("%s refers to %s, which is not there", name, m[1])
			}
		}
		for _, m := range imported.FindAllStringSubmatch(text, -1) {
			checked++
			if target := path.Join(path.Dir(name), m[1]); target != vendored && p.files[target].body == nil {
				t.Errorf("%s imports %s, which is not there", name, m[1])
			}
		}
		if strings.HasSuffix(name, ".html") {
			if bad := inline.FindString(text); bad != "" {
				t.Errorf("%s has %q, which the policy forbids", name, bad)
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d references found; the patterns no longer fit the pages", checked)
	}
}
