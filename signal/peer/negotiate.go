package peer

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pion/webrtc/v4"

	"azulejo/signal/refusal"
)

// answerOffer makes the peer connection and returns the answer (SDP) to the client's offer. p.mu is held.
func (p *Peer) answerOffer(o *offer) (string, error) {
	down := newDownstream(p.ctx, p.opts)
	pc, err := p.newConnection(down)
	if err != nil {
		return "", err
	}
	answer, senders, err := negotiate(pc, o, down)
	if err != nil {
		_ = pc.Close() // an error of Close is ignored, because the client needs to know the error of its offer
		return "", refusal.New(CodeBadSDP, "the SDP cannot be answered: %v; accepted is an offer as RTCPeerConnection.createOffer makes it", err)
	}
	p.down, p.clientOffer, p.rids = down, o, o.rids
	p.adopt(pc, down, senders)
	return answer, nil
}

// newConnection makes a peer connection whose packets pass through the retransmitter of down.
func (p *Peer) newConnection(down *downstream) (*webrtc.PeerConnection, error) {
	pc, err := p.engine.api(down.retransmitter).NewPeerConnection(webrtc.Configuration{
		Certificates: []webrtc.Certificate{p.engine.cert}, BundlePolicy: webrtc.BundlePolicyMaxBundle,
	})
	if err != nil {
		return nil, fmt.Errorf("make peer connection: %w", err)
	}
	p.trickle(pc)
	return pc, nil
}

// adopt makes pc the connection of the peer and starts the goroutines of the connection. From now on Close closes pc. p.mu
// is held.
func (p *Peer) adopt(pc *webrtc.PeerConnection, down *downstream, senders []*webrtc.RTPSender) {
	p.pc, p.gathered = pc, webrtc.GatheringCompletePromise(pc)
	p.setCallbacks(pc)
	p.work.Go(func() { p.requester(pc) })
	for _, s := range senders {
		p.work.Go(func() { down.readRTCP(s, p.log) })
	}
}

// negotiate applies an offer to pc, adds the tracks of down to the client's transceivers, and returns the answer (SDP) and
// the senders of the tracks.
func negotiate(pc *webrtc.PeerConnection, o *offer, down *downstream) (string, []*webrtc.RTPSender, error) {
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: o.text}); err != nil {
		return "", nil, err
	}
	for _, t := range pc.GetTransceivers() {
		if err := setCodecOrder(t); err != nil {
			return "", nil, err
		}
	}
	senders, err := down.addTracks(pc, o.receives)
	if err != nil {
		return "", nil, err
	}
	answer, err := createAnswer(pc)
	return answer, senders, err
}

// createAnswer creates the answer to the remote description of pc, makes it the local description and returns its SDP.
func createAnswer(pc *webrtc.PeerConnection) (string, error) {
	if err := stopIdle(pc); err != nil {
		return "", err
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	return answer.SDP, pc.SetLocalDescription(answer)
}

// stopIdle stops the transceivers that are sendonly and have no track. The answer then marks them as inactive.
func stopIdle(pc *webrtc.PeerConnection) error {
	for _, t := range pc.GetTransceivers() {
		if t.Direction() == webrtc.RTPTransceiverDirectionSendonly && (t.Sender() == nil || t.Sender().Track() == nil) {
			if err := t.Stop(); err != nil {
				return err
			}
		}
	}
	return nil
}

// setCodecOrder sorts the codecs of a transceiver by rank, because a browser sends the first codec of the answer.
func setCodecOrder(t *webrtc.RTPTransceiver) error {
	if t.Receiver() == nil {
		return nil
	}
	all := t.Receiver().GetParameters().Codecs
	order := func(p webrtc.RTPCodecParameters) int {
		if r := rank(p); r >= 0 {
			return r
		}
		return len(all) + len(profiles)
	}
	slices.SortStableFunc(all, func(a, b webrtc.RTPCodecParameters) int { return cmp.Compare(order(a), order(b)) })
	return t.SetCodecPreferences(all)
}
