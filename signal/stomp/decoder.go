package stomp

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"azulejo/signal/refusal"
)

// Limits of a frame.
const (
	maxHead    = 8 << 10  // the size of the head, which is the command line and the header lines, in bytes
	maxHeaders = 64       // the number of header lines
	maxBody    = 64 << 10 // the size of the body, in bytes
	maxFrame   = maxHead + maxBody
)

// decoder decodes frames from the SockJS messages of a client. A message contains a part of a frame, one frame, or several
// frames. If the caller calls next until it returns nil, the decoder holds at most one incomplete frame and the newest
// message.
type decoder struct {
	version version // empty before CONNECT: lines end as in 1.2, and headers have no escapes
	rest    string  // the text that is not decoded yet
}

// write appends a message to the text that is not decoded yet.
func (d *decoder) write(message string) { d.rest += message }

// next returns the next frame, or nil if no frame is complete. It skips heart-beats. The error is a [refusal.Error]. The
// decoder must not be used after an error.
func (d *decoder) next() (*frame, error) {
	d.rest = strings.TrimLeft(d.rest, "\r\n")
	f, end, err := d.read()
	if f == nil {
		d.rest = strings.Clone(d.rest) // so that a short rest does not keep a large message in memory
		return nil, err
	}
	d.rest = d.rest[end:]
	return f, nil
}

// read returns the first frame of rest, and the offset at which the next frame starts. It returns nil if the first frame is
// incomplete.
func (d *decoder) read() (f *frame, end int, err error) {
	head, bodyAt, err := d.head()
	if err != nil || bodyAt == 0 {
		return nil, 0, err
	}
	if f, err = d.readHead(head); err != nil {
		return nil, 0, err
	}
	length, err := bodyEnd(f.headers, d.rest[bodyAt:])
	if err != nil || length < 0 {
		return nil, 0, err
	}
	body := d.rest[bodyAt : bodyAt+length]
	if !utf8.ValidString(body) {
		return nil, 0, malformed("the body of %s is not UTF-8; accepted is text", clip(f.command))
	}
	f.body = strings.Clone(body)
	return f, bodyAt + length + 1, nil
}

// head splits the head of the first frame of rest into lines. It returns the lines and the offset of the body. The offset is
// zero if the head is incomplete.
func (d *decoder) head() (lines []string, bodyAt int, err error) {
	offset := 0
	for {
		length := strings.IndexByte(d.rest[offset:], '\n')
		if length < 0 && len(d.rest) <= maxHead {
			return nil, 0, nil
		}
		if length < 0 || offset+length > maxHead {
			return nil, 0, refusal.New(codeTooLarge, "a frame with a head of more than %d bytes; accepted are up to that", maxHead)
		}
		line := d.line(d.rest[offset : offset+length])
		offset += length + 1
		if line == "" {
			return lines, offset, nil
		}
		if lines = append(lines, line); len(lines) > maxHeaders+1 {
			return nil, 0, refusal.New(codeTooLarge, "a frame with more than %d headers; accepted are up to that", maxHeaders)
		}
	}
}

// line removes a CR at the end of a line. Only STOMP 1.2 allows this CR; in earlier versions it belongs to the header's value.
func (d *decoder) line(s string) string {
	if d.version == v12 || d.version == "" {
		return strings.TrimSuffix(s, "\r")
	}
	return s
}

// readHead decodes the lines of a head. The result has no body yet.
func (d *decoder) readHead(lines []string) (*frame, error) {
	f := &frame{command: strings.Clone(lines[0])}
	for _, line := range lines {
		if strings.IndexByte(line, 0) >= 0 || !utf8.ValidString(line) {
			return nil, malformed("a frame whose head has a NUL or is not UTF-8; accepted is a command, headers, an empty line, a body, a NUL")
		}
	}
	for _, line := range lines[1:] {
		h, err := d.readHeader(f.command, line)
		if err != nil {
			return nil, err
		}
		f.headers = append(f.headers, h)
	}
	return f, nil
}

// readHeader decodes one header line of a frame with this command.
func (d *decoder) readHeader(command, line string) (header, error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" {
		return header{}, malformed("a header %q of %s; accepted is name:value", clip(line), clip(command))
	}
	if d.version == "" || !escapes(command, d.version) {
		return header{strings.Clone(strings.TrimSpace(name)), strings.Clone(strings.TrimSpace(value))}, nil
	}
	var err error
	if name, err = d.unescape(name); err != nil {
		return header{}, err
	}
	value, err = d.unescape(value)
	return header{name, value}, err
}

// unescape replaces the escapes of STOMP 1.1 and 1.2. It accepts colons that are not escaped, because stompjs sends such
// colons.
func (d *decoder) unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			return "", badEscape(s)
		}
		switch c := s[i]; {
		case c == 'n':
			b.WriteByte('\n')
		case c == 'c':
			b.WriteByte(':')
		case c == '\\':
			b.WriteByte('\\')
		case c == 'r' && d.version == v12:
			b.WriteByte('\r')
		default:
			return "", badEscape(s)
		}
	}
	return b.String(), nil
}

func badEscape(s string) error {
	return malformed(`a header with %q; accepted after a backslash are n, c, a backslash, and since 1.2 r`, clip(s))
}

// bodyEnd returns the offset of the NUL that ends the body, or a negative number if the NUL has not arrived. text starts with
// the body.
func bodyEnd(h headers, text string) (int, error) {
	length, given := h.find("content-length")
	if !given {
		end := strings.IndexByte(text, 0)
		if end > maxBody || end < 0 && len(text) > maxBody {
			return 0, bodyTooLarge()
		}
		return end, nil
	}
	n, err := strconv.ParseUint(strings.TrimSpace(length), 10, 63)
	switch {
	case err != nil:
		return 0, malformed("content-length %q; accepted is the number of bytes of the body", clip(length))
	case n > maxBody:
		return 0, bodyTooLarge()
	case uint64(len(text)) <= n:
		return -1, nil
	case text[n] != 0:
		return 0, malformed("no NUL after the %d bytes that content-length tells; accepted is the number of bytes of the body", n)
	}
	return int(n), nil
}

func bodyTooLarge() error {
	return refusal.New(codeTooLarge, "a frame with a body of more than %d bytes; accepted are up to that", maxBody)
}

func malformed(format string, args ...any) error { return refusal.New(codeBadFrame, format, args...) }

// clip shortens a client's text to 64 characters, for an error message.
func clip(s string) string {
	const enough = 64
	if r := []rune(s); len(r) > enough {
		return string(r[:enough]) + "…"
	}
	return s
}
