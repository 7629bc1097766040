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

// The media types of request and response bodies.
const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag" // RFC 8840
	typeJSON     = "application/json"
	typeEvents   = "text/event-stream"
)

// maxBody is the largest size of a request's body in bytes. It is about ten times the size of a browser's offer.
const maxBody = 64 << 10

// read returns the body of a request, whose media type must be accepted. If the body has another type, read sets the response
// header with this name to the accepted type, and returns a [refusal.Error].
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

// accepts tells whether the header Accept allows a media type (RFC 9110, section 12.5.1). Without this header all media types
// are allowed.
func accepts(h http.Header, mediaType string) bool {
	list := strings.Join(h.Values("Accept"), ",")
	if strings.TrimSpace(list) == "" {
		return true
	}
	family, _, _ := strings.Cut(mediaType, "/")
	best, weight := 0, 0.0 // the rank and the weight of the most specific item so far
	for item := range strings.SplitSeq(list, ",") {
		name, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		rank := map[string]int{mediaType: 3, family + "/*": 2, "*/*": 1}[name]
		if rank > best {
			best, weight = rank, quality(params["q"])
		}
	}
	return weight > 0
}

// quality returns the value of a parameter q, which is 1 by default.
func quality(q string) float64 {
	value, err := strconv.ParseFloat(q, 64)
	if err != nil {
		return 1
	}
	return value
}
