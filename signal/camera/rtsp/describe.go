package rtsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// Describe asks for the session description. A *[Redirect] names the URL of another server that has it.
func (c *Client) Describe(ctx context.Context) (Description, error) {
	if err := c.options(ctx); err != nil {
		return Description{}, err
	}
	url := c.cfg.URL
	res, err := c.do(ctx, base.Describe, url, base.Header{"Accept": {"application/sdp"}})
	if res != nil && res.StatusCode >= 300 && res.StatusCode < 400 && len(res.Header["Location"]) > 0 {
		return Description{}, redirect(url, res.Header["Location"][0])
	}
	if err != nil {
		return Description{}, err
	}
	d := ParseSDP(string(res.Body))
	c.baseURL = sessionURL(url, d.Control, res.Header)
	return d, nil
}

// options asks what the camera supports. Cameras that do not know OPTIONS are accepted, those that want a login are not.
func (c *Client) options(ctx context.Context) error {
	res, err := c.do(ctx, base.Options, c.cfg.URL, nil)
	var status *StatusError
	if errors.As(err, &status) && status.Code != base.StatusUnauthorized {
		return nil
	}
	if res != nil {
		c.parameters = strings.Contains(strings.Join(res.Header["Public"], ","), string(base.GetParameter))
	}
	return err
}

// redirect returns a Redirect to location with the credentials of url.
func redirect(url *base.URL, location string) error {
	to, err := base.ParseURL(location)
	if err != nil {
		return fmt.Errorf("redirected to %q: %w", location, err)
	}
	if url.Scheme == "rtsps" && to.Scheme != url.Scheme {
		return fmt.Errorf("redirected from rtsps to %q: accepted is rtsps", location)
	}
	if url.User != nil {
		to.User = url.User
	}
	return &Redirect{to}
}

// sessionURL returns the URL of the session, to which the URLs of tracks are relative: the session's control attribute, or
// else Content-Base, or else the requested URL (RFC 2326, C.1.1). control and Content-Base must be absolute to be used; of
// Content-Base, a path is used too.
func sessionURL(requested *base.URL, control string, header base.Header) *base.URL {
	contentBase := strings.TrimSpace(strings.Join(header["Content-Base"], ""))
	if strings.HasPrefix(contentBase, "/") {
		contentBase = requested.Scheme + "://" + requested.Host + contentBase
	}
	for _, text := range []string{control, contentBase} {
		if u, err := base.ParseURL(text); err == nil && u.Host != "" {
			return u
		}
	}
	return requested
}

// trackURL returns the URL of a track. A relative control attribute follows the URL of the session, behind a query too: that
// is what cameras expect. Of an absolute one, the host is replaced, because cameras behind NAT name an address of their own.
func trackURL(session *base.URL, control string) *base.URL {
	if control == "" || control == "*" {
		return session
	}
	if strings.HasPrefix(control, "rtsp://") || strings.HasPrefix(control, "rtsps://") {
		if u, err := base.ParseURL(control); err == nil {
			u.Scheme, u.Host, u.User = session.Scheme, session.Host, nil
			return u
		}
	}
	text := session.CloneWithoutCredentials().String()
	if control[0] != '?' && control[0] != '/' && !strings.HasSuffix(text, "/") {
		text += "/"
	}
	if u, err := base.ParseURL(text + control); err == nil {
		return u
	}
	return session
}

// broken tells whether an error of reading is one of the connection, and not of a message's text.
func broken(err error) bool {
	var network net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &network)
}
