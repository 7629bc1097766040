package rtsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
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
		return Description{}, c.redirect(res.Header["Location"][0])
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

// redirect returns a Redirect to location, or an error that says why it is not followed.
//
// Credentials go along to the same host only, and those in location are ignored. RFC 2326 leaves this open. Otherwise a
// camera could have its password, or any number of guesses at a password, sent to a host of its choice. HTTP clients act alike
// (RFC 9110, 15.4): curl sends credentials to the first host only. Another port is the same host here: recorders redirect to
// the port of a channel. So is the address of the connection, because cameras that are known by a name redirect to their address.
func (c *Client) redirect(location string) error {
	url := c.cfg.URL
	to, err := base.ParseURL(location)
	if err == nil && to.Hostname() == "" {
		err = errNoHost
	}
	if err != nil {
		return fmt.Errorf("redirected to %q: %w", location, err)
	}
	if url.Scheme == "rtsps" && to.Scheme != url.Scheme {
		return fmt.Errorf("redirected from rtsps to %q: accepted is rtsps", location)
	}
	to.User = nil
	if c.reaches(to.Hostname()) {
		to.User = url.User
	}
	return &Redirect{to}
}

// reaches tells whether the client is connected to the host.
func (c *Client) reaches(host string) bool {
	if strings.EqualFold(host, c.cfg.URL.Hostname()) {
		return true
	}
	address, err := netip.ParseAddr(host)
	peer, errPeer := netip.ParseAddrPort(c.conn.RemoteAddr().String())
	return err == nil && errPeer == nil && address.Unmap() == peer.Addr().Unmap()
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
