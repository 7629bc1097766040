// Package playback serves footage over HTTP as HLS: the playlist of a time range, and the segments in the
// playlist. It reads a segment from the spool, or from the store if the spool does not have the segment. web
// registers the Handler, which may be called concurrently.
package playback

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"

	"azulejo/recorder/footage"
	"azulejo/recorder/index"
	"azulejo/recorder/store"
)

// Handler serves, below /api/v1/footage/{room}/{stream}/:
//
//	index.m3u8?from&to   the playlist of the footage between these times. If the parameter to is
//	                     missing or in the future, the playlist grows: a later request gets more
//	                     segments. The addresses in the playlist repeat a token from the query
//	                     of the request, because some players cannot send headers.
//	init/{hash}.mp4      an init segment
//	segments/{name}      a segment; HTTP range requests work
//
// Times are RFC 3339 or Unix milliseconds. Errors are problem details (RFC 9457).
type Handler struct {
	index *index.Index
	store store.Store
	log   *slog.Logger
	mux   *http.ServeMux
}

// Base is the start of all paths that Handler serves, as a pattern of http.ServeMux.
const Base = "/api/v1/footage/{room}/{stream}/"

const (
	// immutable is the Cache-Control header of footage. Footage is private: only the client's own cache may
	// keep it, and no shared cache. Footage never changes, so the cache need not revalidate it.
	immutable = "private, max-age=31536000, immutable"
	// maxSegments is the largest number of segments in a playlist: more than two days of segments of 4 s.
	maxSegments = 50000
)

// New returns a handler. st must be the store that ix lists.
func New(ix *index.Index, st store.Store, log *slog.Logger) *Handler {
	h := &Handler{index: ix, store: st, log: log, mux: http.NewServeMux()}
	h.mux.HandleFunc("GET "+Base+"index.m3u8", h.playlist)
	h.mux.HandleFunc("GET "+Base+"init/{file}", h.init)
	h.mux.HandleFunc("GET "+Base+"segments/{name}", h.segment)
	h.mux.HandleFunc(Base, func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusNotFound, "no such path: accepted GET of index.m3u8, init/…, segments/…")
	})
	return h
}

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

func (h *Handler) playlist(w http.ResponseWriter, r *http.Request) {
	room, stream := r.PathValue("room"), r.PathValue("stream")
	start, end, err := timeRange(r)
	if err = errors.Join(err, footage.CheckRoom(room), footage.CheckStream(stream)); err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	segments, err := h.index.Segments(r.Context(), room, stream, start, end, maxSegments+1)
	switch {
	case err != nil:
		h.unavailable(w, r, err)
	case len(segments) == 0:
		problem(w, http.StatusNotFound, fmt.Sprintf("no footage of %s in room %s at that time", stream, room))
	case len(segments) > maxSegments:
		problem(w, http.StatusBadRequest, fmt.Sprintf("the range holds too many segments: accepted up to %d", maxSegments))
	default:
		var text bytes.Buffer
		grows := end.IsZero() || end.After(time.Now())
		_ = writePlaylist(&text, segments, tokenQuery(r), grows) // a bytes.Buffer never returns an error
		w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text.Bytes()))
	}
}

// tokenQuery returns the query of the addresses in a playlist, starting with "?". The query repeats the token of
// the request, because the server may require a token at these addresses too. It is empty without a token.
func tokenQuery(r *http.Request) string {
	token := r.URL.Query().Get("token")
	if token == "" {
		return ""
	}
	return "?token=" + url.QueryEscape(token)
}

// timeRange parses the parameters "from" and "to" in the query of a request. It returns the zero time for a
// missing parameter.
func timeRange(r *http.Request) (start, end time.Time, err error) {
	q := r.URL.Query()
	if start, err = ParseTime(q.Get("from")); err != nil {
		return start, end, fmt.Errorf("from %w", err)
	}
	if end, err = ParseTime(q.Get("to")); err != nil {
		return start, end, fmt.Errorf("to %w", err)
	}
	if !end.IsZero() && !start.Before(end) {
		return start, end, errors.New("from is not before to")
	}
	return start, end, nil
}

// ParseTime parses a time in a request to the API: RFC 3339 or Unix milliseconds. It returns the zero time for
// an empty s.
func ParseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && ms >= 0 && ms < 253402300800000 { // before the year 10000
		return time.UnixMilli(ms).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q: accepted RFC 3339 or Unix milliseconds", s)
	}
	return t.UTC(), nil
}

func (h *Handler) init(w http.ResponseWriter, r *http.Request) {
	key := footage.StreamPrefix(r.PathValue("room"), r.PathValue("stream")) + "init/" + r.PathValue("file")
	if _, err := footage.ParseInitKey(key); err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	h.object(w, r, key)
}

func (h *Handler) segment(w http.ResponseWriter, r *http.Request) {
	n, err := footage.ParseBase(r.PathValue("room"), r.PathValue("stream"), r.PathValue("name"))
	if err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	h.object(w, r, n.Key())
}

// object serves the object with this key from the spool, or from the store if the spool does not have it. The
// spool removes an object only after the store has it. So every object is in at least one of the two.
func (h *Handler) object(w http.ResponseWriter, r *http.Request, key string) {
	f, localErr := h.index.Local(key)
	if localErr == nil {
		serve(w, r, key, f)
		return
	}
	body, _, err := h.store.Get(r.Context(), key)
	switch {
	case errors.Is(err, store.ErrNotFound) && errors.Is(localErr, fs.ErrNotExist):
		problem(w, http.StatusNotFound, "no such footage")
	case err != nil:
		h.unavailable(w, r, errors.Join(localErr, err))
	default:
		serve(w, r, key, body)
	}
}

// serve answers with body and closes body. Objects never change, so the last element of the key is the ETag.
func serve(w http.ResponseWriter, r *http.Request, key string, body io.ReadSeekCloser) {
	defer func() { _ = body.Close() }() // it was only read
	w.Header().Set("Content-Type", "video/mp4")
	w.Header().Set("Cache-Control", immutable)
	w.Header().Set("ETag", strconv.Quote(path.Base(key)))
	http.ServeContent(w, r, "", time.Time{}, body)
}

// unavailable logs an error of the spool or the store, and answers with status 502.
func (h *Handler) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client has gone
	}
	h.log.Error("footage not read", "path", r.URL.Path, "error", err)
	problem(w, http.StatusBadGateway, "the footage cannot be read now")
}

// problem answers with problem details (RFC 9457).
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
}
