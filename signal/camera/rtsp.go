package camera

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
	"azulejo/signal/camera/rtsp"
)

// redirects is the most redirections that are followed.
const redirects = 3

// patience says how long an RTSP session waits.
type patience struct {
	answer time.Duration // for a connection, and then for each answer
	data   time.Duration // for RTP packets
	udp    time.Duration // for the first RTP packet over UDP with transport auto; then TCP is tried again
}

// usualPatience is the patience with cameras. A host that never answers is given up before 10 s have passed.
var usualPatience = patience{answer: 8 * time.Second, data: 10 * time.Second, udp: 3 * time.Second}

// rtspFeed pulls two tracks from an RTSP server (RFC 2326): the first video track and the first audio track that can be
// decoded. RTSP has no request for a keyframe. So after a loss the mixer shows the last frame until the camera sends its
// next keyframe. Trouble with the audio never harms the video.
type rtspFeed struct {
	url       *base.URL
	transport string // see Config
	tls       TLSConfig
	audio     bool    // pull the audio track too
	logins    *Logins // limits logins with a wrong password; nil: no limit
	patience  patience

	faults *faults        // gets trouble that ends no session; nil: nobody does
	lost   *atomic.Uint64 // counts lost RTP packets; nil: nobody wants to know
	// login is called before credentials are sent, once for each connection, with its URL. It may wait until its context ends.
	// An error ends the session with this error. Nil: credentials are always sent.
	login func(context.Context, *base.URL) error
	// described is called when the server has returned a session description. Nil: nobody wants to know.
	described func()
	// audioTrouble is called once in each session that has video, with the reason why the audio is not taken. It is called
	// with the zero Trouble if the audio is taken, or if there is none. Nil: nobody wants to know. It is not called if audio is
	// false.
	audioTrouble func(mixer.Trouble)
	// playing is called when the session has started to play, with TransportTCP or TransportUDP and the audio codec. The codec
	// is empty if no audio is taken. The first packets may come earlier. Nil: nobody wants to know.
	playing func(transport string, audio mixer.Codec)
}

// run plays the tracks until ctx ends, or until the session fails with a *Failure. Only one goroutine may call it at a time. It
// calls out from one goroutine with video, and from one with audio.
func (f *rtspFeed) run(ctx context.Context, out func(mixer.Packet), _ <-chan struct{}) error {
	if f.faults == nil {
		f.faults = newFaults(slog.New(slog.DiscardHandler))
		defer f.faults.close()
	}
	s := &rtspSession{rtspFeed: f, out: out, url: f.url, wantAudio: f.audio}
	before := f.faults.totals()
	err := s.run(ctx)
	var sound *audioBreak
	if errors.As(err, &sound) && ctx.Err() == nil {
		s.wantAudio = false
		s.reportAudio(refusedAudio(sound.err))
		err = s.run(ctx)
	}
	if ctx.Err() != nil {
		return nil
	}
	return explain(s.explainLogin(err), s.url, f.faults.discarded(before))
}

// audioBreak says that the connection broke while the audio track was set up.
type audioBreak struct{ err error }

func (e *audioBreak) Error() string { return "set up the audio track: " + e.err.Error() }

// rtspSession is one run of a feed.
type rtspSession struct {
	*rtspFeed
	out func(mixer.Packet)
	url *base.URL // after redirections

	wantAudio bool
	reported  bool // audioTrouble was called
	client    *rtsp.Client
	video     *offer
	audio     *offer // nil: none is taken
}

// run connects, and plays with the transports that the configuration allows.
func (s *rtspSession) run(ctx context.Context) error {
	d, err := s.connect(ctx)
	if s.client != nil {
		defer s.client.Close()
	}
	if err != nil {
		return err
	}
	if s.video = pick(d, true); s.video == nil {
		return &Failure{Trouble: noVideo(d)}
	}
	s.audio = nil
	if s.wantAudio {
		s.pickAudio(d)
	}
	switch {
	case s.transport == TransportUDP:
		return s.play(ctx, true, s.patience.data)
	case s.transport == TransportTCP, s.url.Scheme == "rtsps": // with UDP the media would not be encrypted
		return s.play(ctx, false, s.patience.data)
	}
	return s.playAuto(ctx)
}

// connect opens the session and returns its description. It follows redirections.
func (s *rtspSession) connect(ctx context.Context) (d rtsp.Description, err error) {
	for range redirects + 1 {
		if d, err = s.describe(ctx); err == nil {
			return d, nil
		}
		var redirect *rtsp.Redirect
		if !errors.As(err, &redirect) {
			return d, err
		}
		s.client.Close()
		s.client, s.url = nil, redirect.URL
	}
	return d, err
}

func (s *rtspSession) describe(ctx context.Context) (rtsp.Description, error) {
	tls, err := s.tls.client(s.url.Hostname())
	if err != nil {
		return rtsp.Description{}, fail(mixer.ReasonCertificate, "tls."+err.Error())
	}
	cfg := rtsp.Config{
		URL: s.url, TLS: tls, Patience: s.patience.answer, OnFault: s.faults.add, OnReceiveBuffer: s.faults.smallBuffer,
	}
	if s.login != nil {
		cfg.Login = func(ctx context.Context) error { return s.login(ctx, cfg.URL) }
	}
	s.client, err = rtsp.Dial(ctx, cfg)
	if err != nil {
		return rtsp.Description{}, err
	}
	d, err := s.client.Describe(ctx)
	if err == nil && s.described != nil {
		s.described()
	}
	return d, err
}

// explainLogin replaces the error of a host that wants a login, after a redirection that took the credentials away.
func (s *rtspSession) explainLogin(err error) error {
	var status *rtsp.StatusError
	if s.url.User != nil || s.rtspFeed.url.User == nil || !errors.As(err, &status) || status.Code != base.StatusUnauthorized {
		return err
	}
	return fail(mixer.ReasonRefused, "the camera redirects to another host, which wants a login; accepted is a URL of that host: "+s.url.Host)
}

// pickAudio chooses the audio track, or reports why there is none.
func (s *rtspSession) pickAudio(d rtsp.Description) {
	s.audio = pick(d, false)
	if s.audio == nil {
		s.reportAudio(noAudio(d))
		return
	}
	if _, err := s.audio.track(); err != nil {
		s.audio = nil
		s.reportAudio(newTrouble(mixer.ReasonBadAudioConfig, err.Error()))
	}
}

// reportAudio reports the trouble with the audio, once in a session.
func (s *rtspSession) reportAudio(t mixer.Trouble) {
	if s.reported {
		return
	}
	s.reported = true
	s.faults.audioTrouble(t)
	if s.audioTrouble != nil {
		s.audioTrouble(t)
	}
}

// playAuto plays over TCP, or over UDP if the camera refuses TCP. If UDP brings nothing, it tries TCP again: some cameras refuse
// it only while they are busy.
func (s *rtspSession) playAuto(ctx context.Context) error {
	tcp := s.play(ctx, false, s.patience.data)
	if !refusesTransport(tcp) {
		return tcp
	}
	udp := s.play(ctx, true, s.patience.udp)
	if refusesTransport(udp) {
		return fmt.Errorf("over TCP %w, over UDP %w", tcp, udp)
	}
	if !errors.Is(udp, rtsp.ErrNoMedia) || s.client.Heard() {
		return udp
	}
	if err := s.client.Reset(ctx); err != nil {
		return fmt.Errorf("%w over UDP, and %w", rtsp.ErrNoMedia, err)
	}
	if again := s.play(ctx, false, s.patience.data); !refusesTransport(again) {
		return again
	}
	return udp
}

// setupError says that the camera does not set up the video track.
type setupError struct{ err error }

func (e *setupError) Error() string { return e.err.Error() }

// Unwrap returns the camera's answer.
func (e *setupError) Unwrap() error { return e.err }

// refusesTransport tells whether a camera may accept another transport: it refused to set up the video track, for no other
// reason that is known.
func refusesTransport(err error) bool {
	var setup *setupError
	var status *rtsp.StatusError
	switch {
	case !errors.As(err, &setup):
		return false
	case errors.Is(err, rtsp.ErrTransport):
		return true
	case !errors.As(err, &status):
		return false
	}
	switch status.Code {
	case base.StatusUnauthorized, base.StatusForbidden, base.StatusNotFound, base.StatusGone, base.StatusNotEnoughBandwidth,
		base.StatusSessionNotFound:
		return false
	}
	return true
}

// play sets up the tracks and plays them until the session fails. first is how long the first RTP packet may take.
func (s *rtspSession) play(ctx context.Context, udp bool, first time.Duration) error {
	if err := s.setup(ctx, s.video, udp); err != nil {
		return &setupError{err}
	}
	if s.audio != nil {
		if err := s.setupAudio(ctx, udp); err != nil {
			return err
		}
	}
	if err := s.client.Play(ctx); err != nil {
		return err
	}
	if s.playing != nil {
		s.playing(transportOf(udp), s.audioCodec())
	}
	return s.client.Run(ctx, first, s.patience.data)
}

func transportOf(udp bool) string {
	if udp {
		return TransportUDP
	}
	return TransportTCP
}

func (s *rtspSession) audioCodec() mixer.Codec {
	if s.audio == nil {
		return ""
	}
	return s.audio.codec
}

func (s *rtspSession) setup(ctx context.Context, o *offer, udp bool) error {
	r, err := o.receiver(s.out, s.faults, s.lost)
	if err != nil {
		return err
	}
	return s.client.Setup(ctx, o.media, o.format, udp, r)
}

// setupAudio sets up the audio track. If the camera refuses it, the session goes on without it.
func (s *rtspSession) setupAudio(ctx context.Context, udp bool) error {
	err := s.setup(ctx, s.audio, udp)
	var status *rtsp.StatusError
	switch {
	case err == nil:
		s.reportAudio(mixer.Trouble{})
	case errors.As(err, &status), errors.Is(err, rtsp.ErrTransport):
		s.audio = nil
		s.reportAudio(refusedAudio(err))
	default:
		return &audioBreak{err}
	}
	return nil
}

// refusedAudio returns the trouble of an audio track that the camera does not set up.
func refusedAudio(err error) mixer.Trouble {
	detail := "the camera breaks the connection when the audio track is set up"
	var status *rtsp.StatusError
	switch {
	case errors.As(err, &status):
		detail = "the camera refuses the audio track: " + status.Status()
	case errors.Is(err, rtsp.ErrTransport):
		detail = "the camera sends the audio over another transport than the video"
	case errors.Is(err, rtsp.ErrNoAnswer):
		detail = "the camera does not answer when the audio track is set up"
	}
	return newTrouble(mixer.ReasonAudioRefused, detail)
}
