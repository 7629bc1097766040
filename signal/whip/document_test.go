package whip

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

// document is the part of PROTOCOL.md about WHIP and WHEP.
func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, ours, found := strings.Cut(string(text), "\n## WHIP\n")
	if !found || !strings.Contains(ours, "\n## WHEP\n") {
		t.Fatal("PROTOCOL.md has no part for WHIP, or none for WHEP")
	}
	return ours
}

// exchange is one message of the document, a request or an answer.
type exchange struct {
	first  string // line
	header http.Header
	body   string
}

func exchanges(t *testing.T) []exchange {
	t.Helper()
	var all []exchange
	for _, m := range regexp.MustCompile("(?s)```http\n(.*?)```").FindAllStringSubmatch(document(t), -1) {
		head, body, _ := strings.Cut(m[1], "\n\n")
		first, lines, _ := strings.Cut(strings.TrimSuffix(head, "\n")+"\n\n", "\n")
		read, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.0\n" + lines)))
		if err != nil {
			t.Errorf("%s\nhas headers that cannot be read: %v", m[1], err)
			read = &http.Request{}
		}
		all = append(all, exchange{first, read.Header, body})
	}
	return all
}

// TestDocumentHasAllMethods: every request of the document has an address and a method that the handler knows, and
// no method of the handler is missing in it.
func TestDocumentHasAllMethods(t *testing.T) {
	guard, err := auth.New(auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h := NewHandler(Config{}, nil, nil, guard, slog.New(slog.DiscardHandler))
	defer h.stop(nil)
	wanted, all := map[string]bool{}, h.Routes()
	for pattern, can := range all {
		for _, method := range can {
			wanted[method+" "+pattern] = true
		}
	}
	for _, method := range all["/whep/{room}/{session}"] { // as with WHIP, says the document
		wanted[method+" /whep/{room}/{session}"] = !slices.Contains(all["/whip/{room}/{name}/{session}"], method)
	}
	for _, x := range exchanges(t) {
		method, path, ok := strings.Cut(strings.TrimSuffix(x.first, " HTTP/1.1"), " ")
		if strings.HasPrefix(x.first, "HTTP/") || !ok {
			continue
		}
		_, pattern := h.mux.Handler(httptest.NewRequest(http.MethodOptions, path, nil))
		if !slices.Contains(strings.Split(allowed(h, path), ", "), method) {
			t.Errorf("%s: the handler has no such thing", x.first)
		}
		wanted[method+" "+pattern] = false
	}
	for missing, is := range wanted {
		if is {
			t.Errorf("%s is not in the document", missing)
		}
	}
}

func allowed(h *Handler, path string) string {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodOptions, path, nil)
	r.Header.Set("Access-Control-Request-Method", http.MethodPost) // a preflight asks for nothing behind the handler
	h.ServeHTTP(w, r)
	return w.Header().Get("Allow")
}

// TestDocumentedBodies: the server reads the fragments, views and queries of clients, and writes its own fragments as shown.
func TestDocumentedBodies(t *testing.T) {
	found := map[string]int{}
	for _, x := range exchanges(t) {
		answer := strings.HasPrefix(x.first, "HTTP/")
		kind := x.header.Get("Content-Type")
		if strings.Contains(x.first, "/events ") && kind == typeJSON {
			kind = "a list of events"
		}
		switch kind {
		case "a list of events":
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(x.body))
			r.Header.Set("Content-Type", typeJSON)
			if kinds, err := readKinds(httptest.NewRecorder(), r); err != nil || len(kinds) != strings.Count(x.body, ",")+1 {
				t.Errorf("%s is read as %v (%v)", x.body, kinds, err)
			}
			found[kind]++
		case typeFragment:
			f, err := parseFragment(x.body)
			if err != nil {
				t.Errorf("%s: %v", x.body, err)
			}
			if crlf := strings.ReplaceAll(x.body, "\n", "\r\n"); answer && f.String() != crlf {
				t.Errorf("%q\nwould be written %q", crlf, f.String())
			}
			found[kind]++
		case typeJSON:
			var s viewing.Selection
			d := json.NewDecoder(strings.NewReader(x.body))
			if err := d.Decode(&s); err != nil || s.View == nil {
				t.Errorf("%s: %v", x.body, err)
			}
			found[kind]++
		}
		if _, query, ok := strings.Cut(strings.TrimSuffix(x.first, " HTTP/1.1"), "?"); ok {
			r := httptest.NewRequest(http.MethodPost, "/?"+query, nil)
			if s, err := viewing.FromQuery(r.URL.Query()); err != nil || s.View == nil || s.Rung == nil {
				t.Errorf("%s: %v", x.first, err)
			}
			found["query"]++
		}
	}
	if found[typeFragment] != 3 || found[typeJSON] != 2 || found["query"] != 1 || found["a list of events"] != 1 {
		t.Errorf("the document has other examples than there were: %v", found)
	}
}

// TestDocumentedLinks are as the server writes them.
func TestDocumentedLinks(t *testing.T) {
	h := http.Header{}
	linkServers(h, []peer.ICEServer{
		{URLs: []string{"stun:stun.example.org:3478"}},
		{URLs: []string{"turn:turn.example.org:3478?transport=udp"}, Username: "1798761600:Ana", Credential: "…"},
	})
	linkEvents(h, "/whep/yard/5NGVQ2ZJ7XWTKQ")
	for _, link := range h.Values("Link") {
		if !strings.Contains(document(t), "\nLink: "+link+"\n") {
			t.Errorf("the document does not have Link: %s", link)
		}
	}
}

// TestDocumentedEvents have all their fields and no others.
func TestDocumentedEvents(t *testing.T) {
	messages := map[string]any{
		"layout": &viewing.Layout{}, "rendition": &viewing.Rendition{}, "overload": &viewing.Overload{},
		"participants": &viewing.Participants{}, "end": &endEvent{},
	}
	for _, m := range regexp.MustCompile(`event: (\w+)\ndata: (.*)\n`).FindAllStringSubmatch(document(t), -1) {
		message := messages[m[1]]
		delete(messages, m[1])
		d := json.NewDecoder(strings.NewReader(m[2]))
		d.DisallowUnknownFields()
		if err := d.Decode(message); err != nil {
			t.Errorf("%s: %v", m[2], err)
			continue
		}
		if kind := reflect.ValueOf(message).Elem().FieldByName("Type").String(); kind != m[1] {
			t.Errorf("%s: its type is %q", m[2], kind)
		}
		again, err := json.Marshal(message)
		if err != nil || !bytes.Equal(again, []byte(m[2])) {
			t.Errorf("%s\nwould be written %s: %v", m[2], again, err)
		}
	}
	for kind := range messages {
		t.Errorf("event %s is not in the document", kind)
	}
}

// TestDocumentedRefusals have the status of the answer, and none is missing.
func TestDocumentedRefusals(t *testing.T) {
	documented := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| (\\d{3}) \\| (`.*?`) \\|").FindAllStringSubmatch(document(t), -1) {
		status, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range strings.Split(row[2], ", ") {
			documented[strings.Trim(code, "`")] = status
		}
	}
	for code, status := range documented {
		w := httptest.NewRecorder()
		refuse(w, refusal.New(code, "no"), slog.New(slog.DiscardHandler))
		if answer := w.Result(); answer.StatusCode != status {
			t.Errorf("%s is answered %d, not %d", code, answer.StatusCode, status)
		}
	}
	for _, code := range []string{
		codeNotFound, codeMethod, codeMediaType, codeAccept, codeTooLarge, codeUnreadable, codeFragment, codePrecondition, codeStale, codeNoMedia,
		codeInternal, auth.CodeUnauthorized, auth.CodeForbidden, auth.CodeTooMany, peer.CodeBadSDP, peer.CodeSecondOffer, peer.CodeUnexpected,
		room.CodeBadRoom, room.CodeBadName, room.CodeBadKey, room.CodeBadView, room.CodeNameTaken, room.CodeMesh, room.CodeFull, room.CodeViewers,
		room.CodeRooms, room.CodeOverloaded, room.CodeClosing, viewing.CodeUnsupported, viewing.CodeBadMessage,
	} {
		if documented[code] == 0 {
			t.Errorf("code %s is not in the document", code)
		}
	}
}

// TestDocumentedProblem has the fields of a refusal.
func TestDocumentedProblem(t *testing.T) {
	for _, x := range exchanges(t) {
		if x.header.Get("Content-Type") != "application/problem+json" {
			continue
		}
		w := httptest.NewRecorder()
		refuse(w, refusal.New(auth.CodeUnauthorized, "…"), slog.New(slog.DiscardHandler))
		body, err := io.ReadAll(w.Body)
		if err != nil || string(body) != x.body {
			t.Errorf("%s\nis answered %s", x.body, body)
		}
		if w.Header().Get("WWW-Authenticate") != x.header.Get("WWW-Authenticate") {
			t.Errorf("WWW-Authenticate is %q", w.Header().Get("WWW-Authenticate"))
		}
		return
	}
	t.Error("the document shows no refusal")
}
