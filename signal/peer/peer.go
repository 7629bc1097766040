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
	Upstream Upstream       // takes what is published; nil: it is discarded
	Own      mixer.SourceID // not heard by this client; zero: it hears everything

	// View is what is viewed first; Codec and Profiles are filled in. Where it asks for no rung, the viewer is led to
	// the one that its network carries; OnLayout is told again then, and Rendition describes it. OnLayout is told, by the goroutine that
	// sends, right before the first picture that shows l leaves with that RTP timestamp; it must not block nor
	// write to l. It may be nil.
	View     mixer.Watching
	OnLayout func(l *mixer.Layout, rtp uint32)

	// Audio and Video tell which published media Upstream takes; the rest is thrown away.
	Audio, Video bool

	// SoundAlone takes offers without video, which are refused otherwise: the native client is never without.
	SoundAlone bool

	// HidePicture and HideSound withhold that of the mix from a client whose offer would take it.
	HidePicture, HideSound bool

	// OnCandidate is given our candidates, which may come before Answer returns. It is called
	// from foreign goroutines and must not block.
	OnCandidate func(Candidate)
}

// Candidate is one ICE candidate in the shape that browsers use.
type Candidate = webrtc.ICECandidateInit

// maxCandidates bounds what one client can make us probe.
const maxCandidates = 128

// Peer is one WebRTC connection. Its owner waits for Done, and calls Close in any case.
type Peer struct {
	engine *Engine
	opts   Options
	log    *slog.Logger

	ctx     context.Context // the life of the connection, ended by end
	cancel  context.CancelFunc
	flowing chan struct{}
	once    sync.Once     // of flow
	refresh chan struct{} // a key picture is wanted from the client
	demands chan mixer.Demand

	mu         sync.Mutex
	pc         *webrtc.PeerConnection // nil before a good offer, either side's
	gathered   <-chan struct{}        // with pc: all our candidates are known; another one after each restart
	down       *downlink              // nil before both descriptions are known
	ours       *downlink              // of our offer, until it is accepted
	first      *offer                 // the client's offer with its present credentials; nil if we offered
	candidates int
	early      []Candidate // of the client, before it accepted our offer
	closed     bool
	err        error
	work       sync.WaitGroup // Add only under mu and before closed

	restarting sync.Mutex // held through a restart, which waits for candidates; before mu

	rids  []string        // of the layers of the picture, in order; one without a name if there is no simulcast; under mu
	seen  [MaxLayers]bool // layers that have a track; under mu
	heard bool            // there is a track of sound; under mu
	up    counts
}

// NewPeer prepares a peer; Answer or Offer begins it. The caller closes it.
func (e *Engine) NewPeer(opts Options, log *slog.Logger) *Peer {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Peer{
		engine: e, opts: opts, log: log, ctx: ctx, cancel: cancel, flowing: make(chan struct{}),
		refresh: make(chan struct{}, 1), demands: make(chan mixer.Demand, 1),
	}
	e.add(p)
	return p
}

// Answer takes the client's one offer. An [refusal.Error] tells what was wrong with it; after any error
// but a second offer the client may offer again. Where both sides offered, the second one to come is refused
// here: a dialect that lets the client's win makes another Peer for it.
func (p *Peer) Answer(text string) (string, error) {
	o, err := readOffer(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	if refused := p.beginnable(); refused != nil {
		return "", refused
	}
	switch {
	case err != nil:
		return "", err
	case o.sound != nil && !p.opts.SoundAlone:
		return "", o.sound
	}
	p.opts.withhold(o)
	return p.begin(o)
}

func (opts Options) withhold(o *offer) {
	o.receives["video"] = o.receives["video"] && !opts.HidePicture
	o.receives["audio"] = o.receives["audio"] && !opts.HideSound
}

func (p *Peer) trickle(pc *webrtc.PeerConnection) {
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil && p.opts.OnCandidate != nil {
			p.opts.OnCandidate(c.ToJSON())
		}
	})
}

// observe is set once the offer was good: nothing happens before the client has the answer. A connection that
// comes back after a restart begins with key pictures both ways, since something was lost.
func (p *Peer) observe(pc *webrtc.PeerConnection) {
	pc.OnTrack(p.receive)
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		p.log.Debug("connection state changed", "state", s.String())
		switch s {
		case webrtc.PeerConnectionStateConnected:
			p.once.Do(p.flow)
			p.refreshBoth()
		case webrtc.PeerConnectionStateFailed:
			p.end(refusal.New(CodeICEFailed, "no packet came through for %v; accepted is a new connection", p.engine.cfg.timeout()))
		case webrtc.PeerConnectionStateClosed:
			p.end(nil)
		}
	})
}

// refreshBoth asks for key pictures; those asked for before anything flows are not needed and cost nothing.
func (p *Peer) refreshBoth() {
	p.RequestKeyframe()
	if d := p.downlink(); d != nil {
		d.viewing.reroute()
	}
}

// flow begins the downstream, once there is somewhere to send it.
func (p *Peer) flow() {
	p.start(func() {
		if err := p.down.run(p.ctx, func() { close(p.flowing) }); err != nil {
			p.end(err)
		}
	})
}

// receive is given each track the client publishes.
func (p *Peer) receive(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	u := newUplink(t, r, func() func(mixer.Packet) { return p.destination(t) }, &p.up, p.log)
	p.start(func() { u.listen(r) })
	p.start(func() { u.run(p.ctx) })
}

// destination is where a track goes that has begun: the first sound, and the first picture of each layer. Others
// are read and thrown away.
func (p *Peer) destination(t *webrtc.TrackRemote) func(mixer.Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	up := p.opts.Upstream
	if t.Kind() == webrtc.RTPCodecTypeAudio {
		if up == nil || !p.opts.Audio || p.heard {
			return thrownAway
		}
		p.heard = true
		return up.WriteAudio
	}
	layer := slices.Index(p.rids, t.RID())
	if up == nil || !p.opts.Video || layer < 0 || p.seen[layer] {
		return thrownAway
	}
	p.seen[layer] = true
	return func(unit mixer.Packet) { up.WriteVideo(layer, unit) }
}

func thrownAway(mixer.Packet) {}

// start runs f in a goroutine that Close waits for, unless Close was called.
func (p *Peer) start(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.work.Go(f)
	}
}

// AddCandidate takes a candidate of the client's. Names of multicast DNS are ignored: the client
// reaches us, and its address is learnt from that.
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
	if p.ours != nil {
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

// Change makes the client view something else, from a key picture of that on; the stream goes on without a
// break. Before media flow it replaces Options.View. After an error everything stays as it was.
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
	return down.viewing.change(p.ctx, w)
}

// Flowing is closed when the client is connected and subscribed to what it views.
func (p *Peer) Flowing() <-chan struct{} { return p.flowing }

// Done is closed when the connection is over: lost, closed by the client, or by Close.
func (p *Peer) Done() <-chan struct{} { return p.ctx.Done() }

// Err tells why the connection is over; nil when either side closed it.
func (p *Peer) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// end stops the media; pion's callbacks may call it, Close they may not.
func (p *Peer) end(err error) {
	p.mu.Lock()
	if p.err == nil && p.ctx.Err() == nil {
		p.err = err
	}
	p.mu.Unlock()
	p.cancel()
}

// Close ends the connection and waits for all its goroutines. After it, Upstream is not called.
// It is idempotent.
func (p *Peer) Close() error {
	p.end(nil)
	p.mu.Lock()
	p.closed = true
	pc := p.pc
	p.mu.Unlock()
	var err error
	if pc != nil {
		err = pc.GracefulClose()
	}
	p.work.Wait()
	p.engine.drop(p)
	if err != nil && !errors.Is(err, webrtc.ErrConnectionClosed) {
		return fmt.Errorf("close peer connection: %w", err)
	}
	return nil
}
