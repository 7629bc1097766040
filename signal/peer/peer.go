package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/signal/refusal"
)

// Mixer is what a Peer needs of a room's mixer. [hub.Hub] is one.
type Mixer interface {
	Watch(ctx context.Context, w mixer.Watching, s hub.Sink) (*hub.VideoSubscription, error)
	Listen(ctx context.Context, codec mixer.Codec, exclude mixer.SourceID, s hub.Sink) (*hub.AudioSubscription, error)
	Epoch() time.Time
}

// Options say what a Peer is connected to.
type Options struct {
	Mixer    Mixer          // what is viewed
	Upstream Upstream       // receives the published media; nil: they are discarded
	Own      mixer.SourceID // left out of the client's audio; zero: nothing is

	// View is viewed first; the peer fills in its Codec and Profile. With rung "auto" the peer chooses the rung that the
	// client's network carries. Peer.Rendition describes what is sent now.
	//
	// OnLayout is called from the goroutine that sends, right before it sends the first frame with that layout. rtp is the
	// RTP timestamp of that frame. It is also called when the rendition changes. It must not block and must not write to
	// layout. It may be nil.
	View     mixer.Watching
	OnLayout func(layout *mixer.Layout, rtp uint32)

	// Audio and Video are the published media that Upstream receives. The others are discarded.
	Audio, Video bool

	// AudioOnly accepts offers without video. They are refused otherwise: the native client always offers video.
	AudioOnly bool

	// HideVideo and HideAudio withhold that medium of the mix from a client that offers to receive it.
	HideVideo, HideAudio bool

	// OnCandidate is called with each of our candidates, maybe before Answer returns. It is called from goroutines of
	// pion and must not block.
	OnCandidate func(Candidate)
}

// Candidate is one ICE candidate in the shape that browsers use.
type Candidate = webrtc.ICECandidateInit

// maxCandidates bounds what one client can make us probe.
const maxCandidates = 128

// Peer is one WebRTC connection. Its owner waits for Done, and calls Close in every case.
type Peer struct {
	engine *Engine
	opts   Options
	log    *slog.Logger

	ctx              context.Context // the life of the connection; stop ends it
	cancel           context.CancelFunc
	flowing          chan struct{}
	startOnce        sync.Once // of startDownstream
	keyframeRequests chan struct{}
	demands          chan mixer.Demand

	mu          sync.Mutex
	pc          *webrtc.PeerConnection // nil before a good offer of either side
	gathered    <-chan struct{}        // closed when all our candidates are known; replaced by each ICE restart
	down        *downstream            // nil before both descriptions are known
	offered     *downstream            // of our offer, until the client accepts it
	clientOffer *offer                 // with the present ICE credentials; nil if we offered
	candidates  int                    // of the client, so far
	early       []Candidate            // of the client, from before it accepted our offer
	closed      bool
	err         error
	work        sync.WaitGroup // Add only under mu and before closed

	restarting sync.Mutex // held during an ICE restart, which waits for candidates; locked before mu

	rids      []string        // of the video layers, in order; one empty name without simulcast; under mu
	hasLayers [MaxLayers]bool // layers that have a track; under mu
	hasAudio  bool            // there is an audio track; under mu
	received  counts
}

// NewPeer prepares a peer; Answer or Offer starts it. The caller closes it.
func (e *Engine) NewPeer(opts Options, log *slog.Logger) *Peer {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Peer{
		engine: e, opts: opts, log: log, ctx: ctx, cancel: cancel, flowing: make(chan struct{}),
		keyframeRequests: make(chan struct{}, 1), demands: make(chan mixer.Demand, 1),
	}
	e.register(p)
	return p
}

// Answer answers the client's one offer. A [refusal.Error] tells what was wrong with it. After any error except a
// second offer the client may offer again. When both sides offer at the same time, Answer refuses the
// client's offer. A dialect that wants the client's offer to win must make another Peer and answer the offer there.
func (p *Peer) Answer(text string) (string, error) {
	o, err := readOffer(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	if refused := p.checkStart(); refused != nil {
		return "", refused
	}
	switch {
	case err != nil:
		return "", err
	case o.noVideo != nil && !p.opts.AudioOnly:
		return "", o.noVideo
	}
	p.opts.withhold(o)
	return p.answerOffer(o)
}

// withhold makes o receive less.
func (opts Options) withhold(o *offer) {
	o.receives["video"] = o.receives["video"] && !opts.HideVideo
	o.receives["audio"] = o.receives["audio"] && !opts.HideAudio
}

func (p *Peer) trickle(pc *webrtc.PeerConnection) {
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil && p.opts.OnCandidate != nil {
			p.opts.OnCandidate(c.ToJSON())
		}
	})
}

// setCallbacks is called once an offer has been accepted. That is early enough: no track and no connection appears before
// both sides have the answer. When a connection is up again, keyframes are requested in both directions, because packets
// were lost.
func (p *Peer) setCallbacks(pc *webrtc.PeerConnection) {
	pc.OnTrack(p.onTrack)
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		p.log.Debug("connection state changed", "state", s.String())
		switch s {
		case webrtc.PeerConnectionStateConnected:
			p.startOnce.Do(p.startDownstream)
			p.requestKeyframes()
		case webrtc.PeerConnectionStateFailed:
			p.stop(refusal.New(CodeICEFailed, "no packet came through for %v; accepted is a new connection", p.engine.cfg.timeout()))
		case webrtc.PeerConnectionStateClosed:
			p.stop(nil)
		}
	})
}

// requestKeyframes requests keyframes in both directions. On the first connect they are not needed and cost nothing.
func (p *Peer) requestKeyframes() {
	p.RequestKeyframe()
	if d := p.downstream(); d != nil {
		d.selection.onReconnect()
	}
}

// startDownstream starts sending. It is called when the connection is up for the first time.
func (p *Peer) startDownstream() {
	p.spawn(func() {
		if err := p.down.run(p.ctx, func() { close(p.flowing) }); err != nil {
			p.stop(err)
		}
	})
}

// onTrack is called by pion for each track that the client publishes.
func (p *Peer) onTrack(t *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	r := newTrackReader(t, receiver, func() func(mixer.Packet) { return p.outputOf(t) }, &p.received, p.log)
	p.spawn(func() { r.readRTCP(receiver) })
	p.spawn(func() { r.run(p.ctx) })
}

// outputOf is the function that receives the packets of a track: those of the first audio track, and of the first track
// of each video layer, go to Upstream. Other tracks are read and discarded.
func (p *Peer) outputOf(t *webrtc.TrackRemote) func(mixer.Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	up := p.opts.Upstream
	if t.Kind() == webrtc.RTPCodecTypeAudio {
		if up == nil || !p.opts.Audio || p.hasAudio {
			return discard
		}
		p.hasAudio = true
		return up.WriteAudio
	}
	layer := slices.Index(p.rids, t.RID())
	if up == nil || !p.opts.Video || layer < 0 || p.hasLayers[layer] {
		return discard
	}
	p.hasLayers[layer] = true
	return func(packet mixer.Packet) { up.WriteVideo(layer, packet) }
}

func discard(mixer.Packet) {}

// spawn runs f in a goroutine that Close waits for. After Close it does nothing.
func (p *Peer) spawn(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.work.Go(f)
	}
}

// AddCandidate adds a candidate of the client. Multicast DNS names are ignored: the client calls us, and ICE learns its
// address from its checks.
func (p *Peer) AddCandidate(c Candidate) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pc == nil {
		return refusal.New(CodeUnexpected, "a candidate before the offer; accepted first: offer")
	}
	if c.Candidate == "" || strings.Contains(c.Candidate, ".local ") {
		return nil
	}
	if p.candidates++; p.candidates > maxCandidates {
		return refusal.New(CodeBadCandidate, "too many candidates; accepted are %d", maxCandidates)
	}
	if p.offered != nil {
		p.early = append(p.early, c)
		return nil
	}
	return p.addCandidate(c)
}

func (p *Peer) addCandidate(c Candidate) error {
	if err := p.pc.AddICECandidate(c); err != nil {
		return refusal.New(CodeBadCandidate, "the candidate cannot be used: %v; accepted is what RTCIceCandidate.toJSON gives", err)
	}
	return nil
}

// Change switches the client to other video, at a keyframe of that video. The stream continues without a gap. Before
// media flow it replaces Options.View. After an error everything stays as it was.
func (p *Peer) Change(w mixer.Watching) error {
	p.mu.Lock()
	down := p.down
	if down == nil {
		p.opts.View = w
	}
	p.mu.Unlock()
	if down == nil {
		return nil
	}
	return down.selection.change(p.ctx, w)
}

// Flowing is closed when the client is connected and subscribed to its view.
func (p *Peer) Flowing() <-chan struct{} { return p.flowing }

// Done is closed when the connection is over: lost, closed by the client, or by Close.
func (p *Peer) Done() <-chan struct{} { return p.ctx.Done() }

// Err is the reason why the connection is over; nil when either side closed it.
func (p *Peer) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// stop stops the media. It may be called from pion's callbacks; Close may not, as it waits for them.
func (p *Peer) stop(err error) {
	p.mu.Lock()
	if p.err == nil && p.ctx.Err() == nil {
		p.err = err
	}
	p.mu.Unlock()
	p.cancel()
}

// Close ends the connection and waits for all its goroutines. Upstream is not called after it.
// It is idempotent.
func (p *Peer) Close() error {
	p.stop(nil)
	p.mu.Lock()
	p.closed = true
	pc := p.pc
	p.mu.Unlock()
	var err error
	if pc != nil {
		err = pc.GracefulClose()
	}
	p.work.Wait()
	p.engine.unregister(p)
	if err != nil && !errors.Is(err, webrtc.ErrConnectionClosed) {
		return fmt.Errorf("close peer connection: %w", err)
	}
	return nil
}
