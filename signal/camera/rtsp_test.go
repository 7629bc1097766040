package camera

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/mixer"
)

// relay is an RTSP server that passes the stream of one publisher to all readers.
type relay struct {
	server *gortsplib.Server
	ready  chan struct{} // closed when there is something to play

	mu      sync.Mutex
	stream  *gortsplib.ServerStream
	playing map[*gortsplib.ServerSession]struct{}
	plays   int // sessions that ever played
}

// readers returns how many sessions play now, and how many ever played.
func (r *relay) readers() (now, ever int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.playing), r.plays
}

func startRelay(t *testing.T) (*relay, string) {
	t.Helper()
	r := &relay{ready: make(chan struct{}), playing: map[*gortsplib.ServerSession]struct{}{}}
	for try := 0; ; try++ { // RTP and RTCP need two adjacent ports: try until both are free
		port := freePort(t) &^ 1
		r.server = &gortsplib.Server{
			Handler: r, RTSPAddress: fmt.Sprintf("127.0.0.1:%d", freePort(t)),
			UDPRTPAddress: fmt.Sprintf("127.0.0.1:%d", port), UDPRTCPAddress: fmt.Sprintf("127.0.0.1:%d", port+1),
		}
		err := r.server.Start()
		if err == nil {
			break
		}
		if try == 20 {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		r.mu.Lock()
		stream := r.stream
		r.mu.Unlock()
		if stream != nil {
			stream.Close()
		}
		r.server.Close()
	})
	return r, "rtsp://" + r.server.RTSPAddress + "/gate"
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().(*net.TCPAddr).Port
}

func (r *relay) current() *gortsplib.ServerStream {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stream
}

func (r *relay) OnAnnounce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	s := &gortsplib.ServerStream{Server: r.server, Desc: ctx.Description}
	if err := s.Initialize(); err != nil {
		return &base.Response{StatusCode: base.StatusBadRequest}, err
	}
	r.mu.Lock()
	r.stream = s
	r.mu.Unlock()
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (r *relay) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if s := r.current(); s != nil {
		return &base.Response{StatusCode: base.StatusOK}, s, nil
	}
	return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
}

func (r *relay) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if ctx.Session.State() == gortsplib.ServerSessionStatePreRecord {
		return &base.Response{StatusCode: base.StatusOK}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, r.current(), nil
}

func (r *relay) OnPlay(ctx *gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.playing[ctx.Session] = struct{}{}
	r.plays++
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (r *relay) OnSessionClose(ctx *gortsplib.ServerHandlerOnSessionCloseCtx) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.playing, ctx.Session)
}

func (r *relay) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	s := r.current()
	ctx.Session.OnPacketRTPAny(func(m *description.Media, _ format.Format, p *rtp.Packet) {
		_ = s.WritePacketRTP(m, p) // the reader has left
		if p.SequenceNumber%16 == 0 {
			_ = s.WritePacketRTCP(m, &rtcp.SenderReport{SSRC: p.SSRC, NTPTime: ntpNow(), RTPTime: p.Timestamp})
		}
	})
	close(r.ready)
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// ntpNow is the NTP time now: seconds since 1900 as a fixed-point number of 32.32 bits.
func ntpNow() uint64 {
	now := time.Now()
	return uint64(now.Unix()+2_208_988_800)<<32 | uint64(now.Nanosecond())<<32/1_000_000_000
}

// TestRTSP pulls streams of Debian's ffmpeg, over both transports and with the codecs of cameras.
func TestRTSP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		transport    string
		video, audio []string
		id, audioID  mixer.Codec
	}{
		{"h264 and aac over tcp", TransportTCP, []string{"libx264", "-bf", "0"}, []string{"aac"}, mixer.H264, mixer.AAC},
		{"h264 and a-law over udp", TransportUDP, []string{"libx264", "-bf", "0"}, []string{"pcm_alaw", "-ar", "8000", "-ac", "1"}, mixer.H264, mixer.PCMA},
		{"h264 and mu-law over tcp", TransportTCP, []string{"libx264", "-bf", "0"}, []string{"pcm_mulaw", "-ar", "8000", "-ac", "1"}, mixer.H264, mixer.PCMU},
		{"h264 and mu-law of 16 kHz over tcp", TransportTCP, []string{"libx264", "-bf", "0"}, []string{"pcm_mulaw", "-ar", "16000", "-ac", "1"}, mixer.H264, mixer.PCMU},
		{"h264 and a-law of two channels over udp", TransportUDP, []string{"libx264", "-bf", "0"}, []string{"pcm_alaw", "-ar", "8000", "-ac", "2"}, mixer.H264, mixer.PCMA},
		{"h264 and aac of 16 kHz over tcp", TransportTCP, []string{"libx264", "-bf", "0"}, []string{"aac", "-ar", "16000", "-ac", "1"}, mixer.H264, mixer.AAC},
		{"h264 and g.722 over tcp", TransportTCP, []string{"libx264", "-bf", "0"}, []string{"g722", "-ar", "16000", "-ac", "1"}, mixer.H264, mixer.G722},
		{"h265 and opus over tcp", TransportTCP, []string{"libx265", "-x265-params", "bframes=0:log-level=none"}, []string{"libopus"}, mixer.H265, mixer.Opus},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // most of the time is waiting for the second sender report
			r, url := startRelay(t)
			publishRTSP(t, r, url, c.video, c.audio)
			out := record(t, Config{Name: "Gate", Transport: c.transport, Audio: AudioTrue}, url)
			checkRecording(t, out, "160x90", c.id, c.audioID)
		})
	}
}

// record plays the stream of a URL until there is enough of it.
func record(t *testing.T, cfg Config, url string) *recording {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	f := openURL(t, cfg, url)
	out := &recording{}
	done := make(chan error, 1)
	go func() {
		defer cancel()
		done <- f.Run(ctx, out.write, nil)
	}()
	for ctx.Err() == nil && !out.enough() {
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return out
}

// publishRTSP has ffmpeg publish a test pattern and a tone until the test ends.
func publishRTSP(t *testing.T, r *relay, url string, video, audio []string) {
	t.Helper()
	args := []string{
		"-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=20",
		"-re", "-f", "lavfi", "-i", "sine=frequency=600:sample_rate=48000", "-g", "20", "-c:v",
	}
	args = append(append(args, video...), "-c:a")
	args = append(append(args, audio...), "-f", "rtsp", "-rtsp_transport", "tcp", url)
	var stderr bytes.Buffer
	cmd := exec.Command("ffmpeg", args...)
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone already
		_ = cmd.Wait()         // killed
	})
	select {
	case <-r.ready:
	case <-time.After(15 * time.Second):
		t.Fatalf("ffmpeg did not publish: %s", stderr.String())
	}
}

// enough tells whether there are more than 40 frames, 2 s, and 1.2 s of audio, and sender reports of both tracks came: the
// capture time of a packet is known from the first report on.
func (r *recording) enough() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.video) > 40 && lasting(r.audio) > 1200*time.Millisecond &&
		r.video[len(r.video)-1].Captured != 0 && r.audio[len(r.audio)-1].Captured != 0
}

func checkRecording(t *testing.T, out *recording, size string, id, audioID mixer.Codec) {
	t.Helper()
	out.mu.Lock()
	defer out.mu.Unlock()
	if len(out.video) < 40 || lasting(out.audio) < 1200*time.Millisecond || out.video[0].Codec != id || out.audio[0].Codec != audioID {
		t.Fatalf("%d frames and %d audio packets", len(out.video), len(out.audio))
	}
	d, err := codec.NewVideoDecoder(id, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	shown, started := 0, false
	for _, p := range out.video {
		if started = started || p.Key; !started {
			continue
		}
		frames, err := d.Decode(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			if got := fmt.Sprintf("%dx%d", f.Width(), f.Height()); got != size {
				t.Errorf("a frame of %s, want %s", got, size)
			}
			shown++
			f.Close()
		}
	}
	checkClock(t, out)
	checkTimes(t, out.audio)
	if shown < 15 {
		t.Errorf("%d frames shown of %d", shown, len(out.video))
	}
	if got := codectest.LoudestTone(t, out.audio, 300, 400, 500, 600, 700, 1200); got != 600 {
		t.Errorf("the loudest tone is %g Hz", got)
	}
}

// checkClock wants the newest packets of both media to have a capture time of the last 30 s.
func checkClock(t *testing.T, out *recording) {
	t.Helper()
	for _, p := range []mixer.Packet{out.video[len(out.video)-1], out.audio[len(out.audio)-1]} {
		if age := time.Duration(time.Now().UnixNano()) - p.Captured; age.Abs() > 30*time.Second {
			t.Errorf("%s was captured %v ago", p.Codec, age)
		}
	}
}

// lasting is the sum of the durations of packets.
func lasting(packets []mixer.Packet) (d time.Duration) {
	for _, p := range packets {
		d += p.Duration
	}
	return d
}

// checkTimes wants every audio packet to begin within 2 ms of the end of the one before, unless packets were lost.
func checkTimes(t *testing.T, audio []mixer.Packet) {
	t.Helper()
	for i, p := range audio[1:] {
		before := audio[i]
		if gap := p.PTS - before.PTS - before.Duration; !p.Lost && gap.Abs() > 2*time.Millisecond {
			t.Errorf("%s packet %d begins %v after the end of the one before", p.Codec, i+1, gap)
		}
	}
}

func TestRTSPServerThatIsNotThere(t *testing.T) {
	f := openURL(t, Config{Name: "Gate"}, "rtsp://user:secret@127.0.0.1:1/gate")
	err := f.Run(t.Context(), func(mixer.Packet) {}, nil)
	if err == nil || bytes.Contains([]byte(err.Error()), []byte("secret")) {
		t.Errorf("a server that is not there gave %v; want an error without the password", err)
	}
}
