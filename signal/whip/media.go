package whip

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"azulejo/signal/refusal"
)

// The types of what is said.
const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag" // RFC 8840
	typeJSON     = "application/json"
	typeEvents   = "text/event-stream"
)

// maxBody is how much a client may say at once; an offer of a browser is a tenth of it.
const maxBody = 64 << 10

// read returns a body of one type. Where it is another one, header tells the accepted type.
func read(w http.ResponseWriter, r *http.Request, accepted, header string) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != accepted {
		w.Header().Set(header, accepted)
		return nil, refusal.New(codeMediaType, "a body of type %q; accepted is %s", kind, accepted)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, refusal.New(codeTooLarge, "a body of more than %d bytes; accepted are up to that", maxBody)
	case err != nil:
		return nil, refusal.New(codeUnreadable, "the body did not arrive whole: %v", err)
	}
	return body, nil
}

// accepts tells whether a client takes an answer of the type (RFC 9110, section 12.5.1). No Accept takes all.
func accepts(h http.Header, kind string) bool {
	list := strings.Join(h.Values("Accept"), ",")
	if strings.TrimSpace(list) == "" {
		return true
	}
	family, _, _ := strings.Cut(kind, "/")
	best, weight := 0, 0.0
	for item := range strings.SplitSeq(list, ",") {
		name, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		rank := map[string]int{kind: 3, family + "/*": 2, "*/*": 1}[name]
		if rank > best { // the most exact one counts
			best, weight = rank, quality(params["q"])
		}
	}
	return weight > 0
}

func quality(q string) float64 {
	value, err := strconv.ParseFloat(q, 64)
	if err != nil {
		return 1
	}
	return value
}
