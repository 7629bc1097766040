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

// Media types of bodies.
const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag" // RFC 8840
	typeJSON     = "application/json"
	typeEvents   = "text/event-stream"
)

// maxBody bounds the body of a request in bytes; an offer of a browser has a tenth of it.
const maxBody = 64 << 10

// read returns the body of a request. It refuses a body of another type than the accepted one, and then names the
// accepted one in the given header of the response.
func read(w http.ResponseWriter, r *http.Request, accepted, header string) ([]byte, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != accepted {
		w.Header().Set(header, accepted)
		return nil, refusal.New(codeMediaType, "a body of type %q; accepted is %s", mediaType, accepted)
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

// accepts tells whether the header Accept allows a media type (RFC 9110, section 12.5.1). Without Accept all are
// allowed.
func accepts(h http.Header, mediaType string) bool {
	list := strings.Join(h.Values("Accept"), ",")
	if strings.TrimSpace(list) == "" {
		return true
	}
	family, _, _ := strings.Cut(mediaType, "/")
	best, weight := 0, 0.0
	for item := range strings.SplitSeq(list, ",") {
		name, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		rank := map[string]int{mediaType: 3, family + "/*": 2, "*/*": 1}[name]
		if rank > best { // the most specific one counts
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
