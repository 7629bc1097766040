package peer

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pion/webrtc/v4"

	"azulejo/signal/refusal"
)

// begin makes the connection from the client's offer; p.mu is held.
func (p *Peer) begin(o *offer) (string, error) {
	down := newDownlink(p.ctx, p.opts)
	pc, err := p.connection(down)
	if err != nil {
		return "", err
	}
	answer, senders, err := negotiate(pc, o, down)
	if err != nil {
		_ = pc.Close() // the offer was the error; nothing runs yet
		return "", refusal.New(CodeBadSDP, "the SDP cannot be answered: %v; accepted is an offer as RTCPeerConnection.createOffer makes it", err)
	}
	p.down, p.first, p.rids = down, o, o.rids
	p.take(pc, down, senders)
	return answer, nil
}

func (p *Peer) connection(down *downlink) (*webrtc.PeerConnection, error) {
	pc, err := p.engine.api(down.resends).NewPeerConnection(webrtc.Configuration{
		Certificates: []webrtc.Certificate{p.engine.cert}, BundlePolicy: webrtc.BundlePolicyMaxBundle,
	})
	if err != nil {
		return nil, fmt.Errorf("make peer connection: %w", err)
	}
	p.trickle(pc)
	return pc, nil
}

// take makes the connection ours, which from now on is closed by Close; p.mu is held.
func (p *Peer) take(pc *webrtc.PeerConnection, down *downlink, senders []*webrtc.RTPSender) {
	p.pc, p.gathered = pc, webrtc.GatheringCompletePromise(pc)
	p.observe(pc)
	p.work.Go(func() { p.asker(pc) })
	for _, s := range senders {
		p.work.Go(func() { down.listenRTCP(s, p.log) })
	}
}

// negotiate goes from the offer to the answer, with our tracks on the client's transceivers.
func negotiate(pc *webrtc.PeerConnection, o *offer, down *downlink) (string, []*webrtc.RTPSender, error) {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.text}); err != nil {
		return "", nil, err
	}
	for _, t := range pc.GetTransceivers() {
		if err := prefer(t); err != nil {
			return "", nil, err
		}
	}
	senders, err := down.attach(pc, o.receives)
	if err != nil {
		return "", nil, err
	}
	answer, err := conclude(pc)
	return answer, senders, err
}

// conclude answers the offer that is set.
func conclude(pc *webrtc.PeerConnection) (string, error) {
	if err := idle(pc); err != nil {
		return "", err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	return answer.SDP, pc.SetLocalDescription(answer)
}

// idle makes inactive what would say that we send and has nothing to send.
func idle(pc *webrtc.PeerConnection) error {
	for _, t := range pc.GetTransceivers() {
		if t.Direction() == webrtc.RTPTransceiverDirectionSendonly && (t.Sender() == nil || t.Sender().Track() == nil) {
			if err := t.Stop(); err != nil {
				return err
			}
		}
	}
	return nil
}

// prefer orders a section's codecs as we like them: a browser sends the first of the answer.
func prefer(t *webrtc.RTPTransceiver) error {
	if t.Receiver() == nil {
		return nil
	}
	all := t.Receiver().GetParameters().Codecs
	place := func(p webrtc.RTPCodecParameters) int {
		if r := rank(p); r >= 0 {
			return r
		}
		return len(all) + len(profiles)
	}
	slices.SortStableFunc(all, func(a, b webrtc.RTPCodecParameters) int { return cmp.Compare(place(a), place(b)) })
	return t.SetCodecPreferences(all)
}
