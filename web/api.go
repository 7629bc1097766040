package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"azulejo/recorder/footage"
	"azulejo/recorder/index"
	"azulejo/signal/room"
)

const noStore = "no footage store is configured"

type roomPath struct {
	Room string `path:"room" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"letters, digits, '-', '_' and '.', the first a letter or digit" doc:"Name of the room" example:"demo"`
}

type timelinePath struct {
	Room   string `path:"room" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"letters, digits, '-', '_' and '.', the first a letter or digit" doc:"Name of the room" example:"demo"`
	Stream string `path:"stream" maxLength:"128" doc:"A view or a camera; at most 400 bytes of UTF-8" example:"main"`
	From   string `query:"from" doc:"RFC 3339 or Unix milliseconds; a day before to when absent" example:"2026-03-01T03:00:00Z"`
	To     string `query:"to" doc:"RFC 3339 or Unix milliseconds; now when absent" example:"2026-03-01T04:00:00Z"`
}

// reply is a response with a JSON body. Caches must not store it.
type reply[T any] struct {
	CacheControl string `header:"Cache-Control"`
	Body         T
}

// uncached returns a reply with this body.
func uncached[T any](body T) *reply[T] {
	return &reply[T]{CacheControl: "no-store", Body: body}
}

type roomList struct {
	Rooms []room.Info `json:"rooms" nullable:"false"`
}

type streamList struct {
	Room    string   `json:"room"`
	Streams []stream `json:"streams" nullable:"false"`
}

type stream struct {
	Name string `json:"name"`
}

// registerAPI registers the operations of the REST API. It also renders the OpenAPI description of the operations once, and
// serves the description at /openapi.yaml.
func (s *Server) registerAPI() error {
	cfg := huma.DefaultConfig("azulejo", s.cfg.Version)
	cfg.Info.Description = "Many in, one out, kept: rooms mixed into one stream, and their footage."
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil // the default hook would add $schema to every response
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"}}
	cfg.Security = []map[string][]string{{"token": {}}, {}} // the empty requirement is for servers without tokens
	api := humago.New(s.mux, cfg)

	get(api, "list-rooms", "/api/v1/rooms", "Rooms that are open", s.listRooms)
	get(api, "get-room", "/api/v1/rooms/{room}", "One room: participants, views, renditions, recordings", s.getRoom)
	get(api, "list-streams", "/api/v1/footage/{room}", "Recorded streams of a room", s.listStreams)
	get(api, "get-timeline", "/api/v1/footage/{room}/{stream}", "What is recorded between two times", s.getTimeline)
	s.registerViews(api)
	describeMedia(api.OpenAPI())

	spec, err := api.OpenAPI().YAML()
	if err != nil {
		return fmt.Errorf("render openapi: %w", err)
	}
	s.mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+yaml")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(spec) // an error means that the client is gone
	})
	return nil
}

// get registers a GET operation.
func get[I, O any](api huma.API, id, path, summary string, h func(context.Context, *I) (*O, error)) {
	huma.Register(api, huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary}, h)
}

func (s *Server) listRooms(context.Context, *struct{}) (*reply[roomList], error) {
	list := s.cfg.Rooms.List()
	if list == nil {
		list = []room.Info{}
	}
	return uncached(roomList{list}), nil
}

func (s *Server) getRoom(_ context.Context, in *roomPath) (*reply[room.Info], error) {
	info, err := s.cfg.Rooms.Info(in.Room)
	if err != nil {
		return nil, huma.Error404NotFound(err.Error())
	}
	return uncached(info), nil
}

func (s *Server) listStreams(ctx context.Context, in *roomPath) (*reply[streamList], error) {
	if s.cfg.Footage == nil {
		return nil, huma.Error503ServiceUnavailable(noStore)
	}
	names, err := s.cfg.Footage.Streams(ctx, in.Room)
	if err != nil {
		return nil, s.footageError(ctx, err, in.Room, "")
	}
	list := streamList{Room: in.Room, Streams: []stream{}}
	for _, n := range names {
		list.Streams = append(list.Streams, stream{n})
	}
	return uncached(list), nil
}

func (s *Server) getTimeline(ctx context.Context, in *timelinePath) (*reply[index.Timeline], error) {
	if s.cfg.Footage == nil {
		return nil, huma.Error503ServiceUnavailable(noStore)
	}
	start, end, location, err := parseRange(in.From, in.To, time.Now())
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Message: err.Error(), Location: location})
	}
	if err = footage.CheckStream(in.Stream); err != nil { // the schema limits only the number of characters
		return nil, huma.Error422UnprocessableEntity(err.Error(), &huma.ErrorDetail{Message: err.Error(), Location: "path.stream", Value: in.Stream})
	}
	line, err := s.cfg.Footage.Timeline(ctx, in.Room, in.Stream, start, end)
	if err != nil {
		return nil, s.footageError(ctx, err, in.Room, in.Stream)
	}
	return uncached(line), nil
}

// footageError logs err and returns an error with status 503 for the client. The client does not get the text of err, since
// the text may name buckets and hosts.
func (s *Server) footageError(ctx context.Context, err error, roomName, stream string) error {
	if ctx.Err() == nil {
		s.log.Error("footage not read", "room", roomName, "stream", stream, "error", err)
	}
	return huma.Error503ServiceUnavailable("the footage store did not answer; try again")
}

// describeMedia adds the routes of Config.Media to the OpenAPI description.
func describeMedia(doc *huma.OpenAPI) {
	params := func(names ...string) []*huma.Param {
		var list []*huma.Param
		for _, n := range names {
			list = append(list, &huma.Param{Name: n, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
		}
		return list
	}
	query := func(n string) *huma.Param {
		return &huma.Param{Name: n, In: "query", Description: "RFC 3339 or Unix milliseconds", Schema: &huma.Schema{Type: "string"}}
	}
	media := func(id, tail, summary, kind string, p []*huma.Param) {
		doc.AddOperation(&huma.Operation{
			OperationID: id, Method: http.MethodGet, Path: "/api/v1/footage/{room}/{stream}/" + tail, Summary: summary, Parameters: p,
			Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{kind: {}}}},
		})
	}
	media("get-playlist", "index.m3u8", "HLS playlist between two times", "application/vnd.apple.mpegurl",
		append(params("room", "stream"), query("from"), query("to")))
	media("get-init", "init/{name}", "Initialization segment", "video/mp4", params("room", "stream", "name"))
	media("get-segment", "segments/{name}", "Media segment", "video/mp4", params("room", "stream", "name"))
}
