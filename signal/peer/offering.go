package peer

import (
	"context"
	"fmt"

	"github.com/pion/webrtc/v4"

	"azulejo/signal/refusal"
)

// Offer starts the connection from our side, for clients that wait for an offer: one section of video (H.264 first,
// VP8) and one of audio (Opus), both in both directions. Accept completes the negotiation. There is one offer per Peer,
// of either side. The error is a [refusal.Error] as of Answer, or internal.
func (p *Peer) Offer() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.checkStart(); err != nil {
		return "", err
	}
	down := newDownstream(p.ctx, p.opts)
	pc, err := p.newConnection(down)
	if err != nil {
		return "", err
	}
	text, senders, err := createOffer(pc, down)
	if err != nil {
		_ = pc.Close() // nothing runs yet
		return "", fmt.Errorf("offer the mix: %w", err)
	}
	p.offered, p.rids = down, []string{""}
	p.adopt(pc, down, senders)
	return text, nil
}

// checkStart is the reason why no connection can start; p.mu is held.
func (p *Peer) checkStart() error {
	switch {
	case p.closed:
		return errEnded()
	case p.pc != nil:
		return refusal.New(CodeSecondOffer, "a second offer; accepted is one per connection: tracks are muted and the picture changes without another")
	}
	return nil
}

func errEnded() error {
	return refusal.New(CodeUnexpected, "the connection is over; accepted is a new join")
}

func createOffer(pc *webrtc.PeerConnection, down *downstream) (string, []*webrtc.RTPSender, error) {
	senders, err := down.addTracks(pc, map[string]bool{"video": true, "audio": true})
	if err != nil {
		return "", nil, err
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return "", nil, err
	}
	return offer.SDP, senders, pc.SetLocalDescription(offer)
}

// Accept handles the client's answer to Offer. A [refusal.Error] tells what was wrong with it; after one of CodeBadSDP
// the client may answer again. Its candidates may come before or after.
func (p *Peer) Accept(text string) error {
	answer, err := readOffer(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return errEnded()
	case p.offered == nil:
		return refusal.New(CodeUnexpected, "an answer to no offer; accepted is one answer to each offer of the server")
	case err != nil:
		return err
	case answer.noVideo != nil:
		return answer.noVideo
	}
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: text}); err != nil {
		return refusal.New(CodeBadSDP, "the SDP is no answer to the offer: %v; accepted is an answer as RTCPeerConnection.createAnswer makes it", err)
	}
	p.activate(answer)
	for _, c := range p.early {
		if err := p.addCandidate(c); err != nil {
			p.log.Debug("early candidate ignored", "error", err)
		}
	}
	p.early = nil
	return nil
}

// activate makes the offered downstream the current one, without the tracks that the client rejects; p.mu is held.
func (p *Peer) activate(answer *offer) {
	p.down, p.offered = p.offered, nil
	p.down.selection.wanted = p.opts.View // Change may have replaced it since Offer
	if !answer.receives["video"] {
		p.down.video = nil
	}
	if !answer.receives["audio"] {
		p.down.audio = nil
	}
}

// Gather waits for our candidates and returns our description with all of them, for dialects without trickle ICE. It
// may be called any number of times after Answer or Offer. Our candidates are known within milliseconds, since they
// are all host candidates.
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
		return "", errEnded()
	case <-ctx.Done():
		return "", fmt.Errorf("gather candidates: %w", context.Cause(ctx))
	}
}
