package stomp

import (
	"strconv"
	"strings"
)

// version is a version of STOMP. The specifications are at https://stomp.github.io.
type version string

const (
	v10 version = "1.0"
	v11 version = "1.1"
	v12 version = "1.2"
)

// frame is one STOMP frame, of a client or of the server.
type frame struct {
	command string
	headers headers
	body    string
}

// header is one header of a frame, without escapes.
type header struct{ name, value string }

type headers []header

// get returns the value of a header, or an empty string if the header is missing. If a header is repeated, get returns the
// first value (STOMP 1.2, Repeated Header Entries).
func (h headers) get(name string) string {
	value, _ := h.find(name)
	return value
}

func (h headers) find(name string) (string, bool) {
	for _, e := range h {
		if e.name == name {
			return e.value, true
		}
	}
	return "", false
}

// encode returns the text of the frame in version v. If the frame has a body, encode adds the header content-length.
func (f frame) encode(v version) string {
	escape := escaper(f.command, v)
	var b strings.Builder
	b.WriteString(f.command)
	for _, h := range f.headers {
		b.WriteString("\n" + escape(h.name) + ":" + escape(h.value))
	}
	if f.body != "" {
		b.WriteString("\ncontent-length:" + strconv.Itoa(len(f.body)))
	}
	b.WriteString("\n\n" + f.body + "\x00")
	return b.String()
}

// escapes tells whether the headers of a frame with this command are escaped in version v. The headers of CONNECT and
// CONNECTED never are, because these frames negotiate the version.
func escapes(command string, v version) bool {
	return v != v10 && command != "CONNECT" && command != "CONNECTED"
}

// oneLine replaces the bytes that a header without escapes cannot contain.
var oneLine = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ")

var (
	escape11 = strings.NewReplacer("\\", `\\`, "\n", `\n`, ":", `\c`, "\x00", " ", "\r", " ")
	escape12 = strings.NewReplacer("\\", `\\`, "\n", `\n`, ":", `\c`, "\x00", " ", "\r", `\r`)
)

// escaper returns the function that prepares the header names and values of a frame with this command for version v.
func escaper(command string, v version) func(string) string {
	switch {
	case !escapes(command, v):
		return oneLine.Replace
	case v == v12:
		return escape12.Replace
	}
	return escape11.Replace
}
