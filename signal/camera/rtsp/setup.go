package rtsp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// Setup sets up a track with one of the formats of a medium. udp says that its packets shall come over UDP and not inside the
// RTSP connection. out receives them. A *[StatusError] or [ErrTransport] means that the camera refuses the transport or the
// track; others can be set up.
func (c *Client) Setup(ctx context.Context, m Media, f Format, udp bool, out Receiver) error {
	t := &Track{client: c, format: f, alone: len(m.Formats) == 1, out: out}
	transport, err := t.request(len(c.tracks)*2, udp)
	if err != nil {
		return err
	}
	res, err := c.do(ctx, base.Setup, trackURL(c.baseURL, m.Control), base.Header{"Transport": {transport}})
	if err == nil {
		err = t.connect(strings.Join(res.Header["Transport"], ","))
	}
	if err != nil {
		t.close()
		return err
	}
	c.tracks = append(c.tracks, t)
	return nil
}

// request opens the sockets of a track over UDP. It returns the Transport header of its SETUP request. id is the interleaved
// channel that a track over TCP asks for.
func (t *Track) request(id int, udp bool) (string, error) {
	if !udp {
		t.channel = id
		return fmt.Sprintf("RTP/AVP/TCP;unicast;interleaved=%d-%d", id, id+1), nil
	}
	var err error
	t.rtp, t.rtcp, err = openPair()
	if err != nil {
		return "", err
	}
	for _, socket := range []*net.UDPConn{t.rtp, t.rtcp} {
		if got := enlargeBuffer(socket); got < receiveBuffer && t.client.cfg.OnReceiveBuffer != nil && socket == t.rtp {
			t.client.cfg.OnReceiveBuffer(got, receiveBuffer)
		}
	}
	port := t.rtp.LocalAddr().(*net.UDPAddr).Port
	return fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", port, port+1), nil
}

// connect reads the Transport header of the camera's answer (RFC 2326, 12.39).
func (t *Track) connect(header string) error {
	answer := parameters(header)
	_, channels := answer["interleaved"]
	tcp := channels || strings.Contains(strings.ToUpper(header), "/TCP")
	switch {
	case tcp != (t.rtp == nil):
		return ErrTransport
	case !tcp:
		return t.connectUDP(answer)
	}
	if channels {
		first, _, _ := strings.Cut(answer["interleaved"], "-")
		n, err := strconv.Atoi(strings.TrimSpace(first))
		if err != nil || n < 0 || n > 254 {
			return fmt.Errorf("%w: interleaved=%s", ErrTransport, answer["interleaved"])
		}
		t.channel = n
	}
	t.client.channels[t.channel] = channel{t, false}
	t.client.channels[t.channel+1] = channel{t, true}
	return nil
}

// connectUDP sets where datagrams go and where they may come from. The camera may name another address that it sends from
// (source; RFC 2326, 12.39). Nothing is sent to that address: a hostile camera could name a stranger's.
func (t *Track) connectUDP(answer map[string]string) error {
	peer, err := netip.ParseAddrPort(t.client.conn.RemoteAddr().String())
	if err != nil {
		return err
	}
	t.peer = peer.Addr().Unmap()
	if source, err := netip.ParseAddr(answer["source"]); err == nil && !source.IsUnspecified() && !source.IsMulticast() {
		t.source = source.Unmap()
	}
	first, second, _ := strings.Cut(answer["server_port"], "-")
	t.rtpPort, t.rtcpPort = port(first), port(second)
	if t.rtpPort != 0 && t.rtcpPort == 0 {
		t.rtcpPort = t.rtpPort + 1
	}
	return nil
}

// port reads a port number; zero if there is none. Some cameras write 0 or 1 for one that they do not know yet.
func port(text string) uint16 {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 16)
	if err != nil || n == 1 {
		return 0
	}
	return uint16(n)
}

// parameters splits a Transport header into its parameters. Those without a value have an empty one.
func parameters(header string) map[string]string {
	all := map[string]string{}
	first, _, _ := strings.Cut(header, ",")
	for parameter := range strings.SplitSeq(first, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		all[strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
	}
	return all
}

// Reset ends the session on the camera and forgets its tracks, so that others can be set up over the same connection. It does
// not send TEARDOWN, because many cameras then close the connection.
func (c *Client) Reset(ctx context.Context) error {
	_, err := c.do(ctx, base.Pause, c.baseURL, nil)
	var status *StatusError
	if err != nil && !errors.As(err, &status) {
		return err
	}
	c.closeTracks()
	c.lastPacket.Store(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = ""
	return nil
}

// closeTracks frees the tracks and waits for their goroutines.
func (c *Client) closeTracks() {
	for _, t := range c.tracks {
		t.close()
	}
	c.readers.Wait()
	c.tracks, c.channels = nil, [256]channel{}
}
