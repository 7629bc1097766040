package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"azulejo/mixer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

const viewsPath = "/api/v1/rooms/{room}/views/{view}"

type viewPath struct {
	Room string `path:"room" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"letters, digits, '-', '_' and '.', the first a letter or digit" doc:"Name of the room" example:"demo"`
	View string `path:"view" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"letters, digits, '-', '_' and '.', the first a letter or digit" doc:"Name of the view" example:"main"`
}

type putViewInput struct {
	Room string `path:"room" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"letters, digits, '-', '_' and '.', the first a letter or digit" doc:"Name of the room" example:"demo"`
	View string `path:"view" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"letters, digits, '-', '_' and '.', the first a letter or digit" doc:"Name of the view" example:"main"`
	Body mixer.View
}

type putViewReply struct {
	Status       int
	CacheControl string `header:"Cache-Control"`
	Body         room.ViewInfo
}

// registerViews registers the operations on named views.
func (s *Server) registerViews(api huma.API) {
	const conflict = http.StatusConflict
	huma.Register(api, huma.Operation{
		OperationID: "put-view", Method: http.MethodPut, Path: viewsPath, Summary: "Make a named view, or give it another meaning",
		Errors: []int{http.StatusNotFound, conflict, http.StatusUnprocessableEntity},
	}, s.putView)
	huma.Register(api, huma.Operation{
		OperationID: "delete-view", Method: http.MethodDelete, Path: viewsPath,
		Summary: "Remove a named view; who watches it sees main, and main goes back to a grid",
		Errors:  []int{http.StatusNotFound, conflict, http.StatusUnprocessableEntity},
	}, s.deleteView)
	doc := api.OpenAPI()
	responses := doc.Paths[viewsPath].Put.Responses
	responses["201"] = &huma.Response{Description: http.StatusText(http.StatusCreated), Headers: responses["200"].Headers, Content: responses["200"].Content}
	acceptLayouts(doc.Components.Schemas.Map()["View"])
}

// acceptLayouts adds the accepted layouts to the schema of a view. The OpenAPI description shows these layouts, and huma
// refuses request bodies with any other layout.
func acceptLayouts(view *huma.Schema) {
	s := view.Properties["layout"]
	for _, k := range mixer.LayoutKinds() {
		s.Enum = append(s.Enum, string(k))
	}
	s.PrecomputeMessages()
}

// putView creates or changes a view and answers with the resulting view. If two clients create the same view at the same
// time, both may get status 201.
func (s *Server) putView(_ context.Context, in *putViewInput) (*putViewReply, error) {
	before, err := s.cfg.Rooms.Info(in.Room)
	if err != nil {
		return nil, s.viewError(err, in.Room)
	}
	if err = s.cfg.Rooms.SetView(in.Room, in.View, in.Body); err != nil {
		return nil, s.viewError(err, in.Room)
	}
	after, err := s.cfg.Rooms.Info(in.Room)
	if err != nil {
		return nil, s.viewError(err, in.Room)
	}
	status := http.StatusOK
	if findView(before, in.View) < 0 {
		status = http.StatusCreated
	}
	i := findView(after, in.View)
	if i < 0 {
		return nil, huma.Error404NotFound("the view was deleted meanwhile")
	}
	return &putViewReply{Status: status, CacheControl: "no-store", Body: after.Views[i]}, nil
}

// findView returns the index of the view with this name in r.Views, or -1.
func findView(r room.Info, name string) int {
	return slices.IndexFunc(r.Views, func(v room.ViewInfo) bool { return v.Name == name })
}

func (s *Server) deleteView(_ context.Context, in *viewPath) (*struct{}, error) {
	if err := s.cfg.Rooms.DeleteView(in.Room, in.View); err != nil {
		return nil, s.viewError(err, in.Room)
	}
	return nil, nil
}

// viewError returns the HTTP error for err. If err is a refusal, the HTTP error has the text of the refusal. Any other error
// is a failure of the server. viewError logs this error, and the client does not get its text.
func (s *Server) viewError(err error, roomName string) error {
	var refused *refusal.Error
	if !errors.As(err, &refused) {
		s.log.Error("view not changed", "room", roomName, "error", err)
		return huma.Error500InternalServerError("the view was not changed; the log of the server says why")
	}
	switch refused.Code {
	case room.CodeNoSuchRoom, room.CodeNoSuchView:
		return huma.Error404NotFound(refused.Message)
	case room.CodeBadView:
		field, _, _ := strings.Cut(refused.Message, ":")
		return huma.Error422UnprocessableEntity(refused.Message, &huma.ErrorDetail{Message: refused.Message, Location: "body." + field})
	}
	return huma.Error409Conflict(refused.Message)
}
