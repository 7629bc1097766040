package peer

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"pgregory.net/rapid"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// fakeWriter keeps the packets that are written to it.
type fakeWriter struct {
	headers  []rtp.Header
	payloads [][]byte
}

func (w *fakeWriter) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	w.headers, w.payloads = append(w.headers, h.Clone()), append(w.payloads, payload)
	// Interceptors add their extensions to the shared header.
	return len(payload), h.SetExtension(1, []byte{1, 2})
}

func (w *fakeWriter) Write([]byte) (int, error) { panic("not used") }

func newTestBinding(codec mixer.Codec) (*binding, *fakeWriter) {
	w := &fakeWriter{}
	return &binding{codec: codec, clockRate: 90000, base: 1<<32 - 5000, writer: w, header: rtp.Header{Version: 2, SequenceNumber: 65530, SSRC: 7}}, w
}

// TestViewersSharePayloads: all viewers send the same memory.
func TestViewersSharePayloads(t *testing.T) {
	data := append(slices.Clone(vp8Key), make([]byte, 5000)...)
	p := hub.NewPacket(mixer.Packet{Codec: mixer.VP8, Data: data, Key: true})
	var wires []*fakeWriter
	for range 3 {
		d := newDownstream(context.Background(), Options{})
		to, w := newTestBinding(mixer.VP8)
		wires = append(wires, w)
		d.send(queuedPacket{binding: to, packet: p})
		if got := d.packets.Load(); got != 5 || d.frames.Load() != 1 {
			t.Fatalf("%d packets, %d frames; want 5 and 1", got, d.frames.Load())
		}
	}
	for i := range wires[0].payloads {
		if &wires[0].payloads[i][0] != &wires[1].payloads[i][0] || &wires[0].payloads[i][0] != &wires[2].payloads[i][0] {
			t.Errorf("payload %d is not shared", i)
		}
	}
}

// TestOneStreamFromManyRenditions: for any sequence of access units, sequence numbers have no gap, and timestamps
// advance. They follow the PTS wherever it advances. Markers and extensions are set for each packet.
func TestOneStreamFromManyRenditions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDownstream(context.Background(), Options{})
		to, w := newTestBinding(mixer.VP8)
		now, newest := time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "start")), time.Duration(-1)
		var ends []int
		var stamps []uint32
		var exact []bool
		for range rapid.IntRange(1, 20).Draw(t, "access units") {
			now += time.Duration(rapid.IntRange(-100, 200).Draw(t, "ms")) * time.Millisecond
			d.send(queuedPacket{binding: to, packet: hub.NewPacket(mixer.Packet{Codec: mixer.VP8, Data: make([]byte, rapid.IntRange(1, 4000).Draw(t, "size")), PTS: now})})
			ends, stamps = append(ends, len(w.headers)), append(stamps, to.base+ticks(now, to.clockRate))
			exact = append(exact, now > newest+time.Millisecond)
			newest = max(newest, now)
		}
		n := 0
		for i, h := range w.headers {
			if i == ends[n] {
				n++
			}
			first := i == 0 || i == ends[max(n-1, 0)]
			if want := uint16(65530) + uint16(i) + 1; h.SequenceNumber != want || h.SSRC != 7 || h.Extension {
				t.Fatalf("packet %d has sequence number %d, want %d: %+v", i, h.SequenceNumber, want, h)
			}
			if h.Marker != (i == ends[n]-1) {
				t.Fatalf("packet %d: marker is %v", i, h.Marker)
			}
			if i > 0 && first != (int32(h.Timestamp-w.headers[i-1].Timestamp) > 0) {
				t.Fatalf("packet %d has time %d after %d", i, h.Timestamp, w.headers[i-1].Timestamp)
			}
			if exact[n] && h.Timestamp != stamps[n] {
				t.Fatalf("access unit %d has time %d; want %d", n, h.Timestamp, stamps[n])
			}
		}
	})
}

// TestLayoutGoesWithItsFrame: OnLayout is called when the first frame that shows the layout is sent. When the frame that
// the layout came with was dropped, that is the next frame that is sent.
func TestLayoutGoesWithItsFrame(t *testing.T) {
	type call struct {
		l  *mixer.Layout
		at uint32
	}
	var got []call
	to, w := newTestBinding(mixer.H264)
	d := newDownstream(context.Background(), Options{OnLayout: func(l *mixer.Layout, at uint32) { got = append(got, call{l, at}) }})
	s := &videoSink{d: d, binding: to}
	first, second, third := &mixer.Layout{}, &mixer.Layout{}, &mixer.Layout{}
	write := func(l *mixer.Layout, at time.Duration, key bool) {
		if l != nil {
			s.WriteLayout(l, at)
		}
		s.WritePacket(hub.NewPacket(mixer.Packet{Codec: mixer.H264, Data: h264Key, PTS: at, Key: key}))
	}
	drain := func() {
		for len(d.queue) > 0 {
			d.send(<-d.queue)
		}
	}
	write(first, 0, true)
	for i := range backlog - 1 {
		write(nil, time.Duration(i+1)*time.Millisecond, false)
	}
	write(second, time.Second, false) // does not fit
	if len(got) != 0 {
		t.Fatal("OnLayout was called before the frame was sent")
	}
	drain()
	write(third, 2*time.Second, false) // refers to a frame that was dropped
	write(nil, 3*time.Second, true)
	write(nil, 4*time.Second, false)
	drain()
	want := []call{{first, to.base}, {third, to.base + 3*90000}}
	if !slices.Equal(got, want) {
		t.Errorf("OnLayout was called with %v; want %v", got, want)
	}
	if !slices.ContainsFunc(w.headers, func(h rtp.Header) bool { return h.Timestamp == got[1].at }) {
		t.Errorf("no packet has the time %d of the call", got[1].at)
	}
}

func TestHighestProfile(t *testing.T) {
	h264 := func(level, mode string) webrtc.RTPCodecParameters {
		return webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, SDPFmtpLine: "packetization-mode=" + mode + ";profile-level-id=" + level,
		}}
	}
	vp8 := webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}}
	for _, c := range []struct {
		name   string
		codecs []webrtc.RTPCodecParameters
		want   uint8
	}{
		{"many", []webrtc.RTPCodecParameters{h264("42e01f", "1"), vp8, h264("4D001f", "1"), h264("64001f", "1"), h264("640c1f", "1"), h264("42001f", "0")}, 100},
		{"constrained baseline", []webrtc.RTPCodecParameters{h264("42e01f", "1")}, 66},
		{"main", []webrtc.RTPCodecParameters{h264("42e01f", "1"), h264("4d001f", "1"), h264("64001f", "0")}, 77},
		{"baseline", []webrtc.RTPCodecParameters{h264("42001f", "1")}, 66},
		{"no H.264", []webrtc.RTPCodecParameters{vp8}, 66},
	} {
		if got := highestProfile(c.codecs); got != c.want {
			t.Errorf("%s: got %v; want %v", c.name, got, c.want)
		}
	}
}
