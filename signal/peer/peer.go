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

// Mixer is the part of a room's mixer that a Peer uses. [hub.Hub] implements it.
type Mixer interface {
	Watch(ctx context.Context, w mixer.Watching, s hub.Sink) (*hub.VideoSubscription, error)
	Listen(ctx context.Context, codec mixer.Codec, exclude mixer.SourceID, s hub.Sink) (*hub.AudioSubscription, error)
	Epoch() time.Time
}

// Options say where the media of a Peer go and come from.
type Options struct {
	Mixer    Mixer          // the mixer of the room that the client watches
	Upstream Upstream       // receives the published media; nil: they are discarded
	Own      mixer.SourceID // the source that the client's audio excludes; zero: none

	// View is the video that the client gets first. The peer fills in Codec, Also and Profile. If View.Auto is true, the
	// peer chooses the largest rung that the client's network carries. Peer.Rendition describes the video that is sent now.
	View mixer.Watching

	// OnLayout is called by the goroutine that sends media, right before it sends the first frame with a new layout. rtp
	// is the RTP timestamp of that frame. OnLayout is also called when the rendition changes. It must not block and must
	// not write to layout. It may be nil.
	OnLayout func(layout *mixer.Layout, rtp uint32)

	// Audio and Video say which published media go to Upstream. Other media are discarded.
	Audio, Video bool

	// AudioOnly accepts offers without a video section. Otherwise they are refused, because the native client always
	// offers video.
	AudioOnly bool

	// If HideVideo or HideAudio is set, the peer does not send that medium, even if the client's offer asks for it.
	HideVideo, HideAudio bool

	// OnCandidate is called with each local ICE candidate, maybe before Answer returns. It is called by goroutines of pion
	// and must not block. It may be nil.
	OnCandidate func(Candidate)
}

// Candidate is one ICE candidate. Its JSON is an RTCIceCandidateInit of browsers.
type Candidate = webrtc.ICECandidateInit

// maxCandidates is how many candidates a client may send. The number is limited, because the ICE agent sends checks to each
// candidate.
const maxCandidates = 128

// Peer is one WebRTC connection. Its owner waits for Done, and must call Close in every case.
type Peer struct {
	engine *Engine
	opts   Options // Change and Publish write to it, under mu
	log    *slog.Logger

	ctx              context.Context // lasts as long as the connection; stop cancels it
	cancel           context.CancelFunc
	flowing          chan struct{}     // see Flowing
	startOnce        sync.Once         // calls startDownstream
	keyframeRequests chan struct{}     // from RequestKeyframe to the requester
	demands          chan mixer.Demand // from Demand to the requester

	restarting sync.Mutex // held during an ICE restart, which waits for candidates; locked before mu

	mu              sync.Mutex             // guards the fields below, except received
	pc              *webrtc.PeerConnection // nil before the first valid offer
	gathered        <-chan struct{}        // closed when all local candidates are known; each ICE restart makes a new one
	down            *downstream            // nil before both descriptions are known
	offered         *downstream            // the downstream in our offer; nil if there is no offer that waits for an answer
	clientOffer     *offer                 // the client's offer with its current ICE credentials; nil if the offer is ours
	candidates      int                    // how many candidates the client has sent since its last ICE credentials
	earlyCandidates []Candidate            // the client's candidates that came before its answer to our offer
	closed          bool
	err             error
	work            sync.WaitGroup // Go is called only under mu and before closed is set

	rids      []string        // RIDs of the client's video layers, in its order; one empty string without simulcast
	hasLayers [MaxLayers]bool // by index in rids: a track of this layer has come
	hasAudio  bool            // an audio track has come

	received counts // what the track readers have received
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

// Answer accepts the client's offer (SDP) and returns the answer (SDP). A [refusal.Error] says why the offer is refused.
// After CodeBadSDP or an internal error the client may offer again. After a valid offer of either side, Answer refuses
// each further offer with CodeSecondOffer. So if both sides offer at the same time, the server's offer wins. For the
// client's offer to win, a dialect must make another Peer and call its Answer.
func (p *Peer) Answer(offerSDP string) (string, error) {
	o, err := readOffer(offerSDP)
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
	p.opts.hide(o)
	return p.answerOffer(o)
}

// hide removes the hidden media from o.receives.
func (opts Options) hide(o *offer) {
	o.receives["video"] = o.receives["video"] && !opts.HideVideo
	o.receives["audio"] = o.receives["audio"] && !opts.HideAudio
}

// trickle passes each local candidate to OnCandidate. pion reports the end of gathering as nil.
func (p *Peer) trickle(pc *webrtc.PeerConnection) {
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil && p.opts.OnCandidate != nil {
			p.opts.OnCandidate(c.ToJSON())
		}
	})
}

// setCallbacks registers the callbacks for tracks and for the state of the connection. It is called before the answer is
// sent or received. pion calls neither callback before both sides have the answer. When a connection is up again,
// keyframes are requested in both directions, because packets were lost.
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

// requestKeyframes requests keyframes in both directions. When the connection is up for the first time, the requests are
// not needed and cost nothing.
func (p *Peer) requestKeyframes() {
	p.RequestKeyframe()
	if d := p.downstream(); d != nil {
		d.selection.onReconnect()
	}
}

// startDownstream starts the goroutine that sends media. It is called when the connection is up for the first time.
func (p *Peer) startDownstream() {
	p.spawn(func() {
		if err := p.down.run(p.ctx, func() { close(p.flowing) }); err != nil {
			p.stop(err)
		}
	})
}

// onTrack starts the readers of a track. pion calls it for each track that the client publishes.
func (p *Peer) onTrack(t *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	r := newTrackReader(t, receiver, func() func(mixer.Packet) { return p.outputOf(t) }, &p.received, p.log)
	p.spawn(func() { r.readRTCP(receiver) })
	p.spawn(func() { r.run(p.ctx) })
}

// outputOf returns the function that gets the packets of a track. The packets of the first audio track, and of the first
// track of each video layer, go to Upstream. The packets of other tracks are discarded.
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

// spawn runs f in a goroutine, and Close waits for the end of f. After Close spawn does nothing.
func (p *Peer) spawn(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.work.Go(f)
	}
}

// AddCandidate adds a candidate of the client. It ignores candidates with a multicast DNS name (.local): the client sends
// checks to the server, and ICE learns the client's address from them. The error is a [refusal.Error].
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
		p.earlyCandidates = append(p.earlyCandidates, c)
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

// Change switches the client to other video. The switch happens at a keyframe of the other video, and the RTP stream
// continues without a gap. Change blocks until the mixer has answered. Before the negotiation is complete, Change only
// replaces Options.View. After an error the client keeps its video.
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

// Flowing returns a channel that is closed when the client is connected and subscribed to its view and mix.
func (p *Peer) Flowing() <-chan struct{} { return p.flowing }

// Done returns a channel that is closed when the connection is over: it failed, the client closed it, or Close was called.
func (p *Peer) Done() <-chan struct{} { return p.ctx.Done() }

// Err returns the reason why the connection is over. It is nil while the connection lasts, and if either side closed it.
func (p *Peer) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// stop cancels p.ctx, which ends the media. The first call stores err as the result of Err. Callbacks of pion call stop and
// not Close, because Close waits for these callbacks.
func (p *Peer) stop(err error) {
	p.mu.Lock()
	if p.err == nil && p.ctx.Err() == nil {
		p.err = err
	}
	p.mu.Unlock()
	p.cancel()
}

// Close ends the connection and waits for all its goroutines. After Close no method of Upstream is called. Close is
// idempotent.
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
