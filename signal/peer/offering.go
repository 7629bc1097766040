package peer

import (
	"context"
	"fmt"

	"github.com/pion/webrtc/v4"

	"azulejo/signal/refusal"
)

// Offer makes an offer (SDP) to a client that does not make its own. The offer has a video section (H.264, then VP8) and an
// audio section (Opus), both sendrecv. Accept completes the negotiation. After a valid offer of either side, or after
// Close, the error is a [refusal.Error]. Other errors are internal.
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

// checkStart returns an error if no offer can start the connection any more. p.mu is held.
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

// createOffer adds the tracks of down to pc, makes an offer the local description, and returns the offer (SDP) and the
// senders of the tracks.
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

// Accept accepts the client's answer (SDP) to Offer. A [refusal.Error] says why the answer is refused. After CodeBadSDP the
// client may answer again. AddCandidate may be called before Accept and after it.
func (p *Peer) Accept(answerSDP string) error {
	answer, err := readOffer(answerSDP)
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
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answerSDP}); err != nil {
		return refusal.New(CodeBadSDP, "the SDP is no answer to the offer: %v; accepted is an answer as RTCPeerConnection.createAnswer makes it", err)
	}
	p.activate(answer)
	for _, c := range p.earlyCandidates {
		if err := p.addCandidate(c); err != nil {
			p.log.Debug("early candidate ignored", "error", err)
		}
	}
	p.earlyCandidates = nil
	return nil
}

// activate makes the downstream of the offer the current downstream. It removes the tracks that the answer rejects. p.mu
// is held.
func (p *Peer) activate(answer *offer) {
	p.down, p.offered = p.offered, nil
	p.down.selection.wanted = p.opts.View // Change may have replaced View since Offer
	if !answer.receives["video"] {
		p.down.video = nil
	}
	if !answer.receives["audio"] {
		p.down.audio = nil
	}
}

// Gather waits for the local candidates and returns the local description (SDP) with all of them, for dialects without
// trickle ICE. It may be called any number of times after Answer or Offer. It takes milliseconds, because all local
// candidates are host candidates.
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
