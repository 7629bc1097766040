package camera

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/mixer"
	"azulejo/mixer/logtest"
	"azulejo/signal/camera/cameratest"
)

// films are the videos that film has made.
var films struct {
	sync.Mutex
	made map[mixer.Codec]*cameratest.Stream
}

// film returns a small video with a keyframe every second.
func film(t *testing.T, codec mixer.Codec) *cameratest.Stream {
	t.Helper()
	films.Lock()
	defer films.Unlock()
	if films.made == nil {
		films.made = map[mixer.Codec]*cameratest.Stream{}
	}
	if films.made[codec] == nil {
		films.made[codec] = cameratest.Make(t, codec, 15, "testsrc2=size=160x96:rate=15:duration=2")
	}
	return films.made[codec]
}

// trial is one run of the feed of a camera.
type trial struct {
	recording
	feed *rtspFeed
	log  logtest.Log

	troubles  []mixer.Trouble // that audioTrouble got
	transport string          // that playing got last
	lost      atomic.Uint64
}

// newTrial returns a trial of a URL, with little patience.
func newTrial(t *testing.T, cfg Config, url string) *trial {
	t.Helper()
	cfg.Name, cfg.URL = "Gate", url
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	in, err := cfg.parse(url)
	if err != nil {
		t.Fatal(err)
	}
	r := &trial{feed: in.rtsp}
	r.feed.patience = patience{answer: 2 * time.Second, data: 2 * time.Second, udp: 500 * time.Millisecond}
	r.feed.faults = newFaults(slog.New(slog.NewTextHandler(&r.log, nil)).With("camera", "Gate"))
	r.feed.lost = &r.lost
	r.feed.audioTrouble = func(got mixer.Trouble) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.troubles = append(r.troubles, got)
	}
	r.feed.playing = func(transport string, _ mixer.Codec) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.transport = transport
	}
	return r
}

// run runs the feed until enough is true, for at most 15 s. It returns the error of the feed.
func (r *trial) run(t *testing.T, enough func(*trial) bool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	defer r.feed.faults.close()
	err := r.feed.Run(ctx, func(p mixer.Packet) {
		r.write(p)
		r.mu.Lock()
		defer r.mu.Unlock()
		if enough(r) {
			cancel()
		}
	}, nil)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Errorf("not enough in 15 s: %d video packets, %d audio packets; %s", len(r.video), len(r.audio), r.log.String())
	}
	return err
}

// keyframe tells whether a keyframe has come.
func keyframeCame(r *trial) bool {
	return slices.ContainsFunc(r.video, func(p mixer.Packet) bool { return p.Key })
}

// TestSoundNeverTakesThePicture: whatever is wrong with the sound, the picture plays, and the trouble is reported once.
func TestSoundNeverTakesThePicture(t *testing.T) {
	t.Parallel()
	stream := film(t, mixer.H264)
	generic := func(fmtp string) string { return "a=rtpmap:97 MPEG4-GENERIC/16000/1\r\n" + fmtp }
	mode := "a=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3"
	for name, c := range map[string]struct {
		sdp    string
		media  string // the payload types of the media line
		reason mixer.Reason
		detail string
	}{
		"rate that is cut off": {sdp: generic(mode + ";config=1780\r\n"), reason: mixer.ReasonBadAudioConfig, detail: "1780"},
		"reserved rate": {
			sdp: generic(mode + ";config=1708\r\n"), reason: mixer.ReasonBadAudioConfig, detail: "accepted are 7350 to 96000",
		},
		"no channels":                  {sdp: generic(mode + ";config=1400\r\n"), reason: mixer.ReasonBadAudioConfig, detail: "no channels"},
		"short":                        {sdp: generic(mode + ";config=14\r\n"), reason: mixer.ReasonBadAudioConfig, detail: "too short"},
		"not hex":                      {sdp: generic(mode + ";config=zz\r\n"), reason: mixer.ReasonBadAudioConfig, detail: "hex digits"},
		"object type of speech":        {sdp: generic(mode + ";config=4408\r\n"), reason: mixer.ReasonBadAudioConfig, detail: "object type 8"},
		"absent":                       {sdp: generic(mode + "\r\n"), reason: mixer.ReasonBadAudioConfig, detail: "missing"},
		"no fmtp":                      {sdp: generic(""), reason: mixer.ReasonBadAudioConfig, detail: "missing"},
		"fmtp of another payload type": {sdp: generic("a=fmtp:98 config=1408\r\n"), reason: mixer.ReasonBadAudioConfig, detail: "missing"},
		"rtpmap of another payload type": {
			sdp: "a=rtpmap:98 MPEG4-GENERIC/16000/1\r\n", reason: mixer.ReasonNoAudioCodec, detail: "payload type 97",
		},
		"lengths that cannot be": {
			sdp: generic(strings.Replace(mode, "=13", "=77", 1) + ";config=1408\r\n"), reason: mixer.ReasonBadAudioConfig, detail: "77",
		},
		"LATM that carries no config": {
			sdp: "a=rtpmap:97 MP4A-LATM/16000/1\r\na=fmtp:97 cpresent=0;config=\r\n", reason: mixer.ReasonBadAudioConfig, detail: "cpresent=0",
		},
		"LATM with a bad config": {
			sdp: "a=rtpmap:97 MP4A-LATM/16000/1\r\na=fmtp:97 cpresent=0;config=40\r\n", reason: mixer.ReasonBadAudioConfig, detail: "LATM",
		},
		"null": {
			sdp: "a=rtpmap\r\n", media: "(null)", reason: mixer.ReasonNoAudioCodec, detail: "audio without a format",
		},
		"G.726": {
			sdp: "a=rtpmap:97 G726-32/8000\r\n", reason: mixer.ReasonNoAudioCodec, detail: "the camera offers G726-32; accepted are AAC",
		},
		"L16":                     {sdp: "a=rtpmap:97 L16/16000/1\r\n", reason: mixer.ReasonNoAudioCodec, detail: "L16"},
		"A-law with six channels": {sdp: "a=rtpmap:97 PCMA/8000/6\r\n", reason: mixer.ReasonNoAudioCodec, detail: "6 channels"},
		"attributes that are no numbers": {
			sdp: "a=rtpmap:x y\r\na=fmtp:\r\na=fmtp:97\r\n", reason: mixer.ReasonNoAudioCodec, detail: "payload type 97",
		},
		"AAC Main, which can be decoded": {sdp: generic(mode + ";config=0C08\r\n")},
		"A-law":                          {sdp: "a=rtpmap:97 PCMA/16000\r\n"},
		"no sound at all (back channel)": {sdp: "a=rtpmap:97 PCMA/8000\r\na=sendonly\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := &cameratest.Camera{Stream: stream, Audio: &cameratest.Audio{
				PayloadType: 97, SDP: c.sdp, Every: time.Second, Payload: func(int) []byte { return []byte{0} },
			}}
			if c.media != "" {
				cam.SDP = func() string {
					return strings.Replace(cam.DefaultSDP(), "m=audio 0 RTP/AVP 97", "m=audio 0 RTP/AVP "+c.media, 1)
				}
			}
			cam.Start(t)
			r := newTrial(t, Config{Audio: AudioTrue}, cam.URL())
			if err := r.run(t, keyframeCame); err != nil || !keyframeCame(r) {
				t.Fatalf("no picture: %v", err)
			}
			if len(r.troubles) != 1 || r.troubles[0].Reason != c.reason || !strings.Contains(r.troubles[0].Detail, c.detail) {
				t.Errorf("trouble with the sound: %+v; want %s, %q", r.troubles, c.reason, c.detail)
			}
		})
	}
}

// TestSoundThatIsRefused: the camera refuses to set up the sound, or breaks the connection over it.
func TestSoundThatIsRefused(t *testing.T) {
	t.Parallel()
	stream := film(t, mixer.H264)
	for name, c := range map[string]struct {
		answer func(*cameratest.Session) *base.Response
		detail string
	}{
		"404":     {answerWith(404), "404 Not Found"},
		"461":     {answerWith(461), "461 Unsupported Transport"},
		"500":     {answerWith(500), "500 Internal Server Error"},
		"401":     {answerWith(401), "401 Unauthorized"},
		"hang up": {func(s *cameratest.Session) *base.Response { s.Close(); return &base.Response{StatusCode: 500} }, "breaks the connection"},
		"UDP, although TCP was requested": {func(*cameratest.Session) *base.Response {
			return &base.Response{StatusCode: 200, Header: base.Header{"Transport": {"RTP/AVP;unicast;server_port=5000-5001"}}}
		}, "another transport"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := &cameratest.Camera{Stream: stream, Audio: cameratest.Tone(440)}
			cam.Answer = func(s *cameratest.Session, req *base.Request) *base.Response {
				if req.Method == base.Setup && strings.HasSuffix(req.URL.String(), "track1") {
					return c.answer(s)
				}
				return nil
			}
			cam.Start(t)
			r := newTrial(t, Config{Audio: AudioTrue}, cam.URL())
			if err := r.run(t, keyframeCame); err != nil || !keyframeCame(r) {
				t.Fatalf("no picture: %v", err)
			}
			if len(r.troubles) != 1 || r.troubles[0].Reason != mixer.ReasonAudioRefused || !strings.Contains(r.troubles[0].Detail, c.detail) {
				t.Errorf("trouble with the sound: %+v; want %q", r.troubles, c.detail)
			}
			if name != "hang up" {
				return
			}
			if _, ever := cam.Sessions(); ever != 2 {
				t.Errorf("%d sessions, want one with sound and one without", ever)
			}
		})
	}
}

// answerWith returns a function that answers with a status code.
func answerWith(code base.StatusCode) func(*cameratest.Session) *base.Response {
	return func(*cameratest.Session) *base.Response { return &base.Response{StatusCode: code} }
}

// TestUnwantedSoundIsNotSetUp: without audio, the track is not set up, and nothing is reported.
func TestUnwantedSoundIsNotSetUp(t *testing.T) {
	t.Parallel()
	cam := (&cameratest.Camera{Stream: film(t, mixer.H264), Audio: cameratest.Tone(440)}).Start(t)
	r := newTrial(t, Config{}, cam.URL())
	r.feed.audio = false
	if err := r.run(t, keyframeCame); err != nil || len(r.troubles) != 0 {
		t.Errorf("error %v, troubles %v", err, r.troubles)
	}
	if strings.Contains(strings.Join(cam.Requests(), "\n"), "track1") {
		t.Errorf("the sound was requested: %v", cam.Requests())
	}
}

// TestBadParameterSets: cameras write parameter sets into the session description that are none, and the picture plays.
func TestBadParameterSets(t *testing.T) {
	t.Parallel()
	for _, id := range []mixer.Codec{mixer.H264, mixer.H265} {
		stream := film(t, id)
		for _, bad := range []string{"", "@@@@", "6QAA////6QAA,@@@@", "Z0IAHp2oKAv+WbgICAgQ,a", ",,", "AAAAAWdCAB4=", "===="} {
			t.Run(fmt.Sprintf("%s %q", id, bad), func(t *testing.T) {
				t.Parallel()
				cam := &cameratest.Camera{Stream: stream, Audio: cameratest.Tone(440)}
				cam.SDP = func() string {
					fmtp := "a=fmtp:96 sprop-parameter-sets=" + bad + ";sprop-vps=" + bad + ";sprop-sps=" + bad + ";sprop-pps=" + bad + "\r\n"
					return strings.Replace(cam.DefaultSDP(), stream.FMTP(96), fmtp, 1)
				}
				cam.Start(t)
				r := newTrial(t, Config{Audio: AudioTrue}, cam.URL())
				if err := r.run(t, func(r *trial) bool { return keyframeCame(r) && len(r.audio) > 0 }); err != nil || !keyframeCame(r) {
					t.Fatalf("no picture: %v", err)
				}
			})
		}
	}
}

// TestSoundByItsOwnHeader: the session description names another sampling rate than the stream has. Where the stream has
// headers of its own, these count.
func TestSoundByItsOwnHeader(t *testing.T) {
	t.Parallel()
	stream, sound := film(t, mixer.H264), cameratest.MakeAAC(t, 600, 16000)
	for name, audio := range map[string]*cameratest.Audio{
		"ADTS, and SDP says 8000 Hz":  sound.Generic(cameratest.Config(8000), true),
		"ADTS, and SDP says 48000 Hz": sound.Generic(cameratest.Config(48000), true),
		"no header, and SDP is right": sound.Generic(cameratest.Config(16000), false),
		"LATM with its configuration": sound.InBand(),
		"LATM with SDP's":             latmBySDP(sound),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := (&cameratest.Camera{Stream: stream, Audio: audio}).Start(t)
			r := newTrial(t, Config{Audio: AudioTrue}, cam.URL())
			if err := r.run(t, func(r *trial) bool { return lasting(r.audio) > 1200*time.Millisecond }); err != nil {
				t.Fatal(err)
			}
			if got := codectest.LoudestTone(t, r.audio, 200, 300, 400, 600, 800, 1200); got != 600 {
				t.Errorf("the loudest tone is %g Hz", got)
			}
			checkTimes(t, r.audio)
			if len(r.troubles) != 1 || r.troubles[0] != (mixer.Trouble{}) {
				t.Errorf("trouble with the sound: %+v", r.troubles)
			}
		})
	}
}

// latmBySDP returns LATM whose configuration is in the session description: AAC-LC, 16 kHz, one channel.
func latmBySDP(sound *cameratest.AAC) *cameratest.Audio {
	audio := sound.InBand()
	audio.SDP = "a=rtpmap:97 MP4A-LATM/16000/1\r\na=fmtp:97 cpresent=0;config=40002810\r\n"
	audio.Payload = func(n int) []byte {
		frame := sound.Frames[n%len(sound.Frames)][7:]
		var head []byte // the length, in bytes of 255 and a last one below
		rest := len(frame)
		for ; rest >= 255; rest -= 255 {
			head = append(head, 255)
		}
		return append(append(head, byte(rest)), frame...)
	}
	return audio
}

// TestCodecs: cameras with these codecs play, and their keyframes are marked.
func TestCodecs(t *testing.T) {
	t.Parallel()
	for _, id := range []mixer.Codec{mixer.H264, mixer.H265, mixer.VP9, mixer.AV1, mixer.MJPEG} {
		for _, transport := range []string{TransportTCP, TransportUDP} {
			t.Run(fmt.Sprintf("%s over %s", id, transport), func(t *testing.T) {
				t.Parallel()
				cam := (&cameratest.Camera{Stream: film(t, id)}).Start(t)
				r := newTrial(t, Config{Transport: transport}, cam.URL())
				if err := r.run(t, func(r *trial) bool { return len(r.video) == 20 }); err != nil {
					t.Fatal(err)
				}
				checkVideo(t, id, r.video)
			})
		}
	}
}

// checkVideo wants every packet to be decoded to a frame of 160x96, and a keyframe in each second; every image of MJPEG is one.
func checkVideo(t *testing.T, id mixer.Codec, video []mixer.Packet) {
	t.Helper()
	d, err := codec.NewVideoDecoder(id, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	keys, frames := 0, 0
	for _, p := range video {
		if p.Codec != id {
			t.Fatalf("a packet of %s", p.Codec)
		}
		if p.Key {
			keys++
		}
		got, err := d.Decode(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range got {
			frames++
			if f.Width() != 160 || f.Height() != 96 {
				t.Errorf("a frame of %dx%d", f.Width(), f.Height())
			}
			f.Close()
		}
	}
	want := 2
	if id == mixer.MJPEG {
		want = len(video)
	}
	if keys != want || frames < len(video)-2 {
		t.Errorf("%d keyframes, want %d; %d frames of %d packets", keys, want, frames, len(video))
	}
}

// TestNoPictureCodec: the trouble names what the camera offers.
func TestNoPictureCodec(t *testing.T) {
	t.Parallel()
	for media, want := range map[string]string{
		"m=video 0 RTP/AVP 33\r\n":                                      "the camera offers MPEG-TS; accepted are H.264, H.265, VP8, VP9, AV1, MJPEG",
		"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H263-1998/90000\r\n":       "offers H.263;",
		"m=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\n":         "offers MPEG-4 Visual;",
		"m=video 0 RTP/AVP 96\r\n":                                      "offers payload type 96 without a name;",
		"m=video 0 RTP/AVP 96 33\r\na=rtpmap:96 X-ODD/90000\r\n":        "offers X-ODD or MPEG-TS;",
		"m=audio 0 RTP/AVP 0\r\n":                                       "offers no video;",
		"m=application 0 RTP/AVP 98\r\na=rtpmap:98 vnd.onvif/90000\r\n": "offers no video;",
		"": "offers no video;",
	} {
		cam := &cameratest.Camera{Stream: film(t, mixer.H264)}
		cam.SDP = func() string { return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=cam\r\nt=0 0\r\n" + media }
		cam.Start(t)
		var f *Failure
		if err := newTrial(t, Config{}, cam.URL()).run(t, keyframeCame); !errors.As(err, &f) || f.Reason != mixer.ReasonNoPictureCodec ||
			!strings.Contains(f.Detail, want) {
			t.Errorf("%q: %v, want %q", media, err, want)
		}
	}
}
