package rtsp

import (
	"errors"
	"fmt"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// Errors of a session.
var (
	ErrNoMedia   = errors.New("no RTP packet arrived") // see Client.Run
	ErrBroken    = errors.New("the connection broke while the session played")
	ErrNoAnswer  = errors.New("no answer")                                 // to a request, in time
	ErrTransport = errors.New("the answer to SETUP has another transport") // than was requested
	ErrNoMethod  = errors.New("no way to log in that is supported")        // in the camera's challenge
)

var errNoHost = errors.New("accepted are URLs with a host")

// errUnwritten is the error of a message that was not written, because the session ends or the camera does not read.
var errUnwritten = errors.New("nothing more is sent over this connection")

// StatusError is an answer that refuses a request.
type StatusError struct {
	Method  base.Method
	Code    base.StatusCode
	Message string // the words behind the code; may be empty
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s was answered with %s", e.Method, e.Status())
}

// Status returns the code and its words, such as "404 Not Found".
func (e *StatusError) Status() string {
	message := e.Message
	if message == "" {
		message = base.StatusMessages[e.Code]
	}
	if message == "" {
		return fmt.Sprint(int(e.Code))
	}
	return fmt.Sprintf("%d %s", e.Code, message)
}

// Redirect is an answer to DESCRIBE that names another URL.
type Redirect struct{ URL *base.URL }

func (r *Redirect) Error() string { return "redirected to " + r.URL.CloneWithoutCredentials().String() }

// Fault is a kind of trouble that harms single packets and not the session.
type Fault string

// The kinds of trouble.
const (
	FaultRTP         Fault = "damaged RTP packets"
	FaultRTCP        Fault = "damaged RTCP packets"
	FaultPayloadType Fault = "RTP packets of another payload type"
	FaultSender      Fault = "datagrams from another address"
	FaultChannel     Fault = "packets of a track that was not set up"
	FaultMessage     Fault = "unreadable RTSP messages"
	FaultRequest     Fault = "requests that are not supported"
)

// defaultPatience is how long a connection, and then each answer, may take.
const defaultPatience = 8 * time.Second
