package camera

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
	"azulejo/signal/camera/rtsp"
)

// explain returns the Failure that says in one word and one sentence why a session with the server of url failed. discarded
// names the packets that were discarded, see faults.discarded.
func explain(err error, url *base.URL, discarded string) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure
	}
	reason, detail := explainSession(err, url, discarded)
	switch {
	case reason == "":
		reason, detail = explainNetwork(err, url.Host)
	case !errors.Is(err, rtsp.ErrBroken):
		err = nil // the sentence tells all
	}
	return &Failure{Trouble: newTrouble(reason, detail), Err: err}
}

// explainSession explains what went wrong in RTSP. The reason is empty if something else went wrong.
func explainSession(err error, url *base.URL, discarded string) (mixer.Reason, string) {
	var status *rtsp.StatusError
	switch {
	case errors.As(err, &status):
		return explainStatus(status, url.User != nil)
	case errors.Is(err, rtsp.ErrNoMedia):
		return mixer.ReasonNoData, fmt.Sprintf("the session plays, but no RTP packets arrive%s", discarded)
	case errors.Is(err, rtsp.ErrBroken):
		return mixer.ReasonReconnecting, "the connection to " + url.Host + " broke"
	case errors.Is(err, rtsp.ErrNoMethod):
		return mixer.ReasonRefused, "the camera asks for a way to log in that is not supported; accepted are Basic and Digest"
	case errors.Is(err, rtsp.ErrTransport):
		return mixer.ReasonRefused, "the camera refuses the transport; accepted are tcp, udp"
	case errors.Is(err, rtsp.ErrNoAnswer):
		return mixer.ReasonTimeout, fmt.Sprintf("%s accepts the connection, but does not answer", url.Host)
	}
	return "", ""
}

// explainStatus explains an answer that refuses a request. login says that the URL has credentials.
func explainStatus(s *rtsp.StatusError, login bool) (mixer.Reason, string) {
	switch s.Code {
	case base.StatusUnauthorized:
		if !login {
			return mixer.ReasonWrongPassword, "the camera asks for a user name and a password"
		}
		return mixer.ReasonWrongPassword, "the camera refuses the user name or the password"
	case base.StatusForbidden:
		return mixer.ReasonForbidden, "the camera denies access: " + s.Status()
	case base.StatusNotFound, base.StatusGone, base.StatusSessionNotFound:
		return mixer.ReasonNoSuchStream, "the camera does not know the path of the URL: " + s.Status()
	}
	return mixer.ReasonRefused, fmt.Sprintf("the camera refuses %s: %s", s.Method, s.Status())
}

// explainNetwork explains what went wrong between the hosts.
func explainNetwork(err error, host string) (mixer.Reason, string) {
	var name *net.DNSError
	var certificate *certificateError
	var record tls.RecordHeaderError
	var network net.Error
	switch {
	case errors.As(err, &certificate):
		return mixer.ReasonCertificate,
			fmt.Sprintf("tls.fingerprint: %s accepts the certificate of %s, which is not trusted", certificate.fingerprint, host)
	case errors.As(err, &record):
		return mixer.ReasonRefused, fmt.Sprintf("%s does not speak TLS; accepted are rtsps with TLS, and rtsp without", host)
	case errors.As(err, &name):
		return mixer.ReasonUnknownHost, fmt.Sprintf("the name %s is not known", name.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return mixer.ReasonRefused, fmt.Sprintf("%s refuses connections", host)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH),
		errors.Is(err, syscall.EHOSTDOWN), errors.Is(err, syscall.ENETDOWN):
		return mixer.ReasonUnreachable, fmt.Sprintf("there is no route to %s", host)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return mixer.ReasonTimeout, fmt.Sprintf("%s does not answer", host)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return mixer.ReasonRefused, fmt.Sprintf("%s closed the connection without an answer", host)
	}
	return mixer.ReasonRefused, fmt.Sprintf("no session with %s", host)
}
