package stomp

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"azulejo/signal/refusal"
)

var comparable = cmp.AllowUnexported(frame{}, header{})

// decodeAll reads frames from parts; the error is the first.
func decodeAll(v version, parts ...string) ([]frame, error) {
	d := decoder{version: v}
	var all []frame
	for _, part := range parts {
		d.write(part)
		for {
			f, err := d.next()
			if err != nil {
				return all, err
			}
			if f == nil {
				break
			}
			all = append(all, *f)
		}
	}
	return all, nil
}

func TestFramesAreRead(t *testing.T) {
	send := func(body string, h ...header) frame { return frame{"SEND", h, body} }
	for name, c := range map[string]struct {
		version version
		text    string
		want    []frame
	}{
		"CONNECT of stompjs": {"", "CONNECT\naccept-version:1.1,1.0\nheart-beat:10000,10000\n\n\x00", []frame{
			{"CONNECT", headers{{"accept-version", "1.1,1.0"}, {"heart-beat", "10000,10000"}}, ""},
		}},
		"an object as body, as stompjs sends it": {v11, "SEND\ndestination:/app/call/key\ncontent-length:15\n\n[object Object]\x00", []frame{
			send("[object Object]", header{"destination", "/app/call/key"}, header{"content-length", "15"}),
		}},
		"CONNECT with CR LF and a backslash": {"", "STOMP\r\nlogin:a\\b\r\n\r\n\x00", []frame{{"STOMP", headers{{"login", `a\b`}}, ""}}},
		"heart-beats around frames":          {v12, "\n\r\n\nSEND\n\na\x00\n\n\r\nSEND\n\nb\x00\n", []frame{send("a"), send("b")}},
		"escapes of 1.1":                     {v11, "SEND\na\\cb:x\\ny\\\\z:w\n\n\x00", []frame{send("", header{"a:b", "x\ny\\z:w"})}},
		"escapes of 1.2":                     {v12, "SEND\r\na:x\\ry\r\n\r\n\x00", []frame{send("", header{"a", "x\ry"})}},
		"CR belongs to values before 1.2":    {v11, "SEND\na:x\r\n\n\x00", []frame{send("", header{"a", "x\r"})}},
		"1.0 has no escapes, and spaces":     {v10, "SEND\na: x\\ny \n\n\x00", []frame{send("", header{"a", `x\ny`})}},
		"spaces count since 1.1":             {v11, "SEND\na: x \n\n\x00", []frame{send("", header{"a", " x "})}},
		"a NUL in a body with a length":      {v12, "SEND\ncontent-length:3\n\na\x00b\x00", []frame{send("a\x00b", header{"content-length", "3"})}},
		"the first of repeated headers":      {v12, "SEND\na:1\na:2\n\n\x00", []frame{send("", header{"a", "1"}, header{"a", "2"})}},
	} {
		for _, parts := range [][]string{{c.text}, strings.Split(c.text, "")} {
			got, err := decodeAll(c.version, parts...)
			if d := cmp.Diff(c.want, got, comparable); err != nil || d != "" {
				t.Errorf("%s in %d parts: %v (-want +got):\n%s", name, len(parts), err, d)
			}
		}
	}
	if h := (headers{{"a", "1"}, {"a", "2"}}); h.get("a") != "1" || h.get("b") != "" {
		t.Errorf("headers give %q and %q; want the first and nothing", h.get("a"), h.get("b"))
	}
}

func TestBadFramesAreNamed(t *testing.T) {
	for text, want := range map[string]*refusal.Error{
		"SEND\nnonsense\n\n\x00":                {Code: codeBadFrame, Message: "nonsense"},
		"SEND\n:x\n\n\x00":                      {Code: codeBadFrame, Message: "name:value"},
		"SEND\na:\\t\n\n\x00":                   {Code: codeBadFrame, Message: `\\t`},
		"SEND\na:x\\\n\n\x00":                   {Code: codeBadFrame, Message: "backslash"},
		"SEND\na:b\x00\n\n\x00":                 {Code: codeBadFrame, Message: "NUL"},
		"SEND\n\n\xff\x00":                      {Code: codeBadFrame, Message: "UTF-8"},
		"SEND\ncontent-length:two\n\nab\x00":    {Code: codeBadFrame, Message: "two"},
		"SEND\ncontent-length:-1\n\nab\x00":     {Code: codeBadFrame, Message: "-1"},
		"SEND\ncontent-length:1\n\nab\x00":      {Code: codeBadFrame, Message: "no NUL"},
		"SEND\ncontent-length:65537\n\n":        {Code: codeTooLarge, Message: "65536"},
		"SEND\n\n" + strings.Repeat("x", 65537): {Code: codeTooLarge, Message: "65536"},
		"SEND\na:" + strings.Repeat("x", 1<<13): {Code: codeTooLarge, Message: "head"},
		"SEND\n" + strings.Repeat("a:b\n", 65):  {Code: codeTooLarge, Message: "64 headers"},
		strings.Repeat("x", 1<<13) + "\n\n\x00": {Code: codeTooLarge, Message: "head"},
	} {
		var got *refusal.Error
		if _, err := decodeAll(v12, text); !errors.As(err, &got) || got.Code != want.Code || !strings.Contains(got.Message, want.Message) {
			t.Errorf("%.40q gives %v; want %s with %q", text, err, want.Code, want.Message)
		}
	}
	if _, err := decodeAll(v11, "SEND\na:\\r\n\n\x00"); err == nil {
		t.Error("1.1 takes the escape that only 1.2 has")
	}
}

// TestManyFramesInOneMessage: the work, measured in allocated bytes, grows linearly with the number of frames.
func TestManyFramesInOneMessage(t *testing.T) {
	allocated := func(frames int) uint64 {
		text := strings.Repeat("ACK\n\n\x00", frames)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if all, err := decodeAll(v12, text); err != nil || len(all) != frames {
			t.Errorf("%d of %d frames were read (%v)", len(all), frames, err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if once, twice := allocated(4096), allocated(8192); twice > 3*once {
		t.Errorf("4096 frames take %d bytes, 8192 take %d; want about twice as many", once, twice)
	}
}

func TestFramesAreWritten(t *testing.T) {
	f := frame{"MESSAGE", headers{{"a:b", "x\r\ny\\z"}}, "äb"}
	for v, want := range map[version]string{
		v10: "MESSAGE\na:b:x  y\\z\ncontent-length:3\n\näb\x00",
		v11: "MESSAGE\na\\cb:x \\ny\\\\z\ncontent-length:3\n\näb\x00",
		v12: "MESSAGE\na\\cb:x\\r\\ny\\\\z\ncontent-length:3\n\näb\x00",
	} {
		if got := f.encode(v); got != want {
			t.Errorf("%s: %q; want %q", v, got, want)
		}
	}
	if got := (frame{"CONNECTED", headers{{"ice-servers", `[{"urls":["stun:a"]}]`}}, ""}).encode(v12); got != "CONNECTED\nice-servers:[{\"urls\":[\"stun:a\"]}]\n\n\x00" {
		t.Errorf("CONNECTED is escaped: %q", got)
	}
}

// FuzzDecoder: for any input the decoder neither panics nor exceeds its limit of memory, the split into parts makes no
// difference, and an encoded frame decodes to itself.
func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{
		"CONNECT\naccept-version:1.0,1.1,1.2\nheart-beat:5000,5000\n\n\x00",
		"SEND\ndestination:/app/peer/offer/k/r\ncontent-length:2\n\n{}\x00\n\nSUBSCRIBE\nid:0\ndestination:/topic/call/key\n\n\x00",
		"SEND\na\\cb:c\\n\\\\\n\nbody\x00", "\n\n\n", "SEND\r\na:b\r\n\r\n\x00", "SEND\ncontent-length:99999999999999999999\n\n\x00",
		"SEND\ncontent-length:1\n\n\x00\x00", "\x00", "A\n\x00\n\n\x00",
	} {
		for i := range uint8(3) {
			f.Add(seed, i, uint16(len(seed)/2))
		}
	}
	f.Fuzz(func(t *testing.T, text string, kind uint8, cut uint16) {
		v := versions()[int(kind)%3]
		whole, wholeErr := decodeAll(v, text)
		at := min(int(cut), len(text))
		parts, partsErr := decodeAll(v, text[:at], text[at:])
		if (wholeErr == nil) != (partsErr == nil) || wholeErr == nil && !cmp.Equal(whole, parts, comparable) {
			t.Fatalf("whole: %v %q; in parts: %v %q", wholeErr, whole, partsErr, parts)
		}
		for _, one := range whole {
			again(t, one, v)
		}
	})
}

// again encodes a frame and decodes it.
func again(t *testing.T, f frame, v version) {
	t.Helper()
	if len(f.body) > maxBody || len(f.headers) > maxHeaders || !utf8.ValidString(f.body) {
		t.Fatalf("a frame beyond the limits was read: %q", f)
	}
	kept := headers{}
	for _, h := range f.headers {
		if h.name != "content-length" && oneLine.Replace(h.name+h.value) == h.name+h.value {
			kept = append(kept, h)
		}
	}
	f.headers = kept
	got, err := decodeAll(v, f.encode(v))
	if err != nil || len(got) != 1 || got[0].command != f.command || got[0].body != f.body {
		t.Fatalf("%q was written as %q and read as %q (%v)", f, f.encode(v), got, err)
	}
	for i, h := range kept {
		if got[0].headers[i] != h {
			t.Fatalf("header %q was read as %q", h, got[0].headers[i])
		}
	}
}
