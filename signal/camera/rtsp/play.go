package rtsp

import (
	"context"
	"fmt"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

const (
	attendEvery = 250 * time.Millisecond // how often a running session is looked after
	reportEvery = 5 * time.Second        // how often receiver reports are sent
)

// Play starts the tracks.
func (c *Client) Play(ctx context.Context) error {
	for _, t := range c.tracks {
		t.start()
	}
	_, err := c.do(ctx, base.Play, c.baseURL, base.Header{"Range": {"npt=0.000-"}})
	return err
}

// start makes a track over UDP read. It sends a packet from both sockets, so that firewalls let the camera's packets through.
func (t *Track) start() {
	if t.rtp == nil {
		return
	}
	t.client.readers.Go(func() { t.listen(t.rtp, t.rtpPort, t.receiveRTP) })
	t.client.readers.Go(func() { t.listen(t.rtcp, t.rtcpPort, t.receiveRTCP) })
	data, _ := (&rtp.Packet{Header: rtp.Header{Version: 2}}).Marshal() // a packet without extensions can always be written
	t.write(t.rtp, t.rtpPort, data)
	data, _ = (&rtcp.ReceiverReport{}).Marshal() // so can a report without blocks
	t.write(t.rtcp, t.rtcpPort, data)
}

// Run receives packets until ctx ends, the connection breaks, or RTP packets are missing: in the beginning for first, later
// for rest. The error is then [ErrNoMedia], and the session can be Reset. For a broken connection the error is [ErrBroken].
func (c *Client) Run(ctx context.Context, first, rest time.Duration) error {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.attend(ctx, cancel, first, rest)
	}()
	_ = c.conn.SetReadDeadline(time.Time{}) // read reports a broken connection
	defer c.interruptAt(ctx)()
	defer func() {
		cancel(nil)
		<-done
	}()
	for {
		res, err := c.read()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil && res != nil {
			err = c.readKept(ctx, res)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBroken, err)
		}
	}
}

// readKept reads the answer to a request that keeps the session alive. If the nonce of the login is too old, it sends the
// request again with the new one, once: some cameras refuse every request of this kind.
func (c *Client) readKept(ctx context.Context, res *base.Response) error {
	if res.StatusCode != base.StatusUnauthorized {
		c.authorized = c.authorized || c.sender != nil
		return nil
	}
	if !c.spare.Swap(false) {
		return nil
	}
	again, err := c.answerChallenge(ctx, res)
	if again {
		c.keepAlive()
	}
	return err
}

// Heard tells whether an RTP packet of a track has come since the tracks were set up.
func (c *Client) Heard() bool { return c.lastPacket.Load() != 0 }

// attend keeps the session alive, reports to the camera, and ends the session with ErrNoMedia when packets are missing.
func (c *Client) attend(ctx context.Context, end context.CancelCauseFunc, first, rest time.Duration) {
	ticker := time.NewTicker(attendEvery)
	defer ticker.Stop()
	started := time.Now()
	kept, reported := started, started
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		if c.silent(now, started, first, rest) {
			end(ErrNoMedia)
			return
		}
		if now.Sub(kept) >= time.Duration(c.period.Load()) {
			kept = now
			c.spare.Store(true)
			c.keepAlive()
		}
		if now.Sub(reported) >= reportEvery {
			reported = now
			c.reportReception(now)
		}
	}
}

// silent tells whether RTP packets have been missing for too long, see Run.
func (c *Client) silent(now, started time.Time, first, rest time.Duration) bool {
	last := c.lastPacket.Load()
	if last == 0 {
		return now.Sub(started) >= first
	}
	return now.Sub(time.Unix(0, last)) >= rest
}

// keepAlive sends a request that keeps the session alive. Some cameras never answer it, so nothing waits for an answer.
func (c *Client) keepAlive() {
	method := base.Options
	if c.parameters {
		method = base.GetParameter
	}
	_, _ = c.send(method, c.baseURL, nil, writePatience) // read finds out that the connection is broken
}

// reportReception sends receiver reports of all tracks.
func (c *Client) reportReception(now time.Time) {
	for _, t := range c.tracks {
		report := t.reception.receiverReport(now)
		if report == nil {
			continue
		}
		data, err := report.Marshal()
		if err != nil {
			continue
		}
		if t.rtcp != nil {
			t.write(t.rtcp, t.rtcpPort, data)
			continue
		}
		c.sendInterleaved(t.channel+1, data)
	}
}

// sendInterleaved sends a packet inside the RTSP connection.
func (c *Client) sendInterleaved(channel int, data []byte) {
	frame := base.InterleavedFrame{Channel: channel, Payload: data}
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.write(writePatience, func() error { // read finds out that the connection is broken
		return c.rtsp.WriteInterleavedFrame(&frame, make([]byte, frame.MarshalSize()))
	})
}
