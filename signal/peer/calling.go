package peer

import (
	"context"
	"fmt"

	"github.com/pion/webrtc/v4"

	"azulejo/signal/refusal"
)

// Offer begins the connection from our side, for clients that only wait: one section of video (H.264 first, VP8)
// and one of audio (Opus), both in both directions. Accept ends the negotiation. There is one offer per Peer,
// either side's; an error is a [refusal.Error] as of Answer, or internal.
func (p *Peer) Offer() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.beginnable(); err != nil {
		return "", err
	}
	down := newDownlink(p.ctx, p.opts)
	pc, err := p.connection(down)
	if err != nil {
		return "", err
	}
	text, senders, err := call(pc, down)
	if err != nil {
		_ = pc.Close() // nothing runs yet
		return "", fmt.Errorf("offer the mix: %w", err)
	}
	p.ours, p.rids = down, []string{""}
	p.take(pc, down, senders)
	return text, nil
}

// beginnable tells why no connection can begin; p.mu is held.
func (p *Peer) beginnable() error {
	switch {
	case p.closed:
		return errOver()
	case p.pc != nil:
		return refusal.New(CodeSecondOffer, "a second offer; accepted is one per connection: tracks are muted and the picture changes without another")
	}
	return nil
}

func errOver() error {
	return refusal.New(CodeUnexpected, "the connection is over; accepted is a new join")
}

func call(pc *webrtc.PeerConnection, down *downlink) (string, []*webrtc.RTPSender, error) {
	senders, err := down.attach(pc, map[string]bool{"video": true, "audio": true})
	if err != nil {
		return "", nil, err
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return "", nil, err
	}
	return offer.SDP, senders, pc.SetLocalDescription(offer)
}

// Accept takes the client's answer to Offer. A [refusal.Error] tells what was wrong with it; after one of
// CodeBadSDP the client may answer again. Its candidates may come before or after.
func (p *Peer) Accept(text string) error {
	a, err := readOffer(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return errOver()
	case p.ours == nil:
		return refusal.New(CodeUnexpected, "an answer to no offer; accepted is one answer to each offer of the server")
	case err != nil:
		return err
	case a.sound != nil:
		return a.sound
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text}); err != nil {
		return refusal.New(CodeBadSDP, "the SDP is no answer to the offer: %v; accepted is an answer as RTCPeerConnection.createAnswer makes it", err)
	}
	p.begun(a)
	for _, c := range p.early {
		if err := p.addCandidate(c); err != nil {
			p.log.Debug("early candidate ignored", "error", err)
		}
	}
	p.early = nil
	return nil
}

// begun makes the offered downlink the real one, less what the client does not take; p.mu is held.
func (p *Peer) begun(answer *offer) {
	p.down, p.ours = p.ours, nil
	p.down.viewing.want = p.opts.View // it may have changed since
	if !answer.receives["video"] {
		p.down.video = nil
	}
	if !answer.receives["audio"] {
		p.down.audio = nil
	}
}

// Gather waits for our candidates and returns our description with all of them: for dialects that say
// everything at once. It may be called any number of times after Answer or Offer; ours are known within
// milliseconds, since only our own addresses are asked.
func (p *Peer) Gather(ctx context.Context) (string, error) {
	p.mu.Lock()
	pc, gathered := p.pc, p.gathered
	p.mu.Unlock()
	if pc == nil {
		return "", refusal.New(CodeUnexpected, "no description before the offer; accepted first: offer")
	}
	select {
	case <-gathered:
		return pc.LocalDescription().SDP, nil
	case <-p.ctx.Done():
		return "", errOver()
	case <-ctx.Done():
		return "", fmt.Errorf("gather candidates: %w", context.Cause(ctx))
	}
}
