package hub

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/mixer"
)

const frameTime = 50 * time.Millisecond

// stream is a source that is offered to a rendition, and what the subscription gets.
type stream struct {
	*room
	source *Source
	sub    *VideoSubscription
	sink   *layoutRecorder
	layer  int
	size   mixer.Size    // of its keyframes
	pts    time.Duration // on its clock, of the next packet
}

// passing makes a subscription to rendition 1, which has delivered a keyframe, and a source that is offered. The clock of
// the source is an hour behind.
func passing(r *room, info mixer.RenditionInfo) *stream {
	r.t.Helper()
	s := &stream{room: r, sink: &layoutRecorder{}, size: mixer.Size{W: 160, H: 96}, pts: time.Second}
	s.source = r.AddSource(SourceConfig{SourceSpec: mixer.SourceSpec{Name: "a", Layers: 2}})
	s.layer = 1
	s.sub = r.watch(s.sink)
	r.engine.emit(mixer.Assigned{Subscription: s.sub.id, Rendition: 1, Info: info})
	r.engine.emit(mixer.Delivery{Rendition: 1, Layout: layoutOf("a"), Packets: []mixer.Packet{r.composed("K")}})
	r.is("composed", s.sink, "layout:a K")
	s.offer(1, s.source)
	r.expect("an offer", mixer.RequestSourceKeyframe{Source: s.source.ID()})
	return s
}

// plain is a rendition that passes Baseline through.
func plain() mixer.RenditionInfo {
	return mixer.RenditionInfo{View: "v", Codec: mixer.H264, Size: mixer.Size{W: 320, H: 176}, Profile: 66}
}

func (s *stream) offer(n uint64, src *Source) {
	s.engine.emit(mixer.OfferPassthrough{Rendition: 1, Offer: n, Source: src.ID()})
	synctest.Wait()
}

// packet makes a packet of a source; labels of keyframes begin with K.
func (s *stream) packet(name string) mixer.Packet {
	p := mixer.Packet{Codec: mixer.H264, PTS: s.pts, Data: []byte("\x00\x00\x00\x01\x41#" + name)}
	if strings.HasPrefix(name, "K") {
		p.Key, p.Data = true, []byte(sps(66, s.size)+"\x00\x00\x00\x01\x65#"+name)
	}
	return p
}

// write sends packets, one each 50 ms, and waits until they are handled.
func (s *stream) write(names ...string) {
	for _, name := range names {
		s.writePacket(s.packet(name))
	}
}

func (s *stream) writePacket(p mixer.Packet) {
	s.source.WriteVideo(s.layer, p)
	s.pts += frameTime
	synctest.Wait()
	time.Sleep(frameTime)
}

// start has the source passed through.
func (s *stream) start() {
	s.t.Helper()
	s.write("K0", "a0")
	s.is("the start", s.sink, "K0 a0")
	s.expect("the start", s.active(1, true))
}

func (s *stream) active(offer uint64, is bool) mixer.Command {
	return mixer.SetPassthrough{Rendition: 1, Offer: offer, Active: is}
}

func (s *stream) keyframe() mixer.Command {
	return mixer.RequestSourceKeyframe{Source: s.source.ID()}
}

// goesOn demands that packets of the source are passed through.
func (s *stream) goesOn(what string) {
	s.t.Helper()
	s.write("n1", "n2")
	s.is(what+": it goes on", s.sink, "n1 n2")
	s.sink.rises(s.t)
}

// ended demands that the encoder's packets are delivered, from a keyframe on.
func (s *stream) ended(what string) {
	s.t.Helper()
	s.encoded(1, "x")
	s.is(what+": before the keyframe", s.sink, "")
	s.encoded(1, "K")
	s.encoded(1, "y")
	s.is(what+": composed", s.sink, "K y")
	s.sink.rises(s.t)
}

// bits writes a bitstream.
type bits struct {
	data []byte
	n    int
}

func (b *bits) u(n int, v uint) {
	for i := n - 1; i >= 0; i-- {
		if b.n%8 == 0 {
			b.data = append(b.data, 0)
		}
		b.data[len(b.data)-1] |= byte(v>>i&1) << (7 - b.n%8)
		b.n++
	}
}

// ue writes an Exp-Golomb code (H.264 9.1).
func (b *bits) ue(v uint) {
	n := 0
	for (v+1)>>(n+1) > 0 {
		n++
	}
	b.u(n, 0)
	b.u(n+1, v+1)
}

// sps is a sequence parameter set (H.264 7.3.2.1.1) in Annex B. The size is a multiple of 16 pixels.
func sps(profile uint8, size mixer.Size) string {
	b := &bits{}
	b.u(8, 0x67)
	b.u(8, uint(profile))
	b.u(8, 0)
	b.u(8, 30)
	b.ue(0)
	if profile >= 100 {
		b.ue(1)
		b.ue(0)
		b.ue(0)
		b.u(2, 0)
	}
	b.ue(0)
	b.ue(2)
	b.ue(1)
	b.u(1, 0)
	b.ue(uint(size.W/16 - 1))
	b.ue(uint(size.H/16 - 1))
	b.u(4, 0b1100) // frame_mbs_only, direct_8x8, no cropping, no VUI
	b.u(1, 1)
	return "\x00\x00\x00\x01" + string(b.data)
}

func TestPassthroughStartsAtAKeyframe(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := passing(r, plain())
		s.write("a")
		r.expect("a keyframe is requested", s.keyframe())
		r.encoded(1, "c")
		r.is("composed until then", s.sink, "c")
		s.write("K1", "b")
		r.expect("it is active", s.active(1, true))
		r.encoded(1, "d")
		r.encoded(1, "K")
		s.write("c")
		r.is("composed packets are discarded", s.sink, "K1 b c")
		r.expect("once")
		if got := s.sub.Rendition(); !got.Passed || got.Codec != mixer.H264 || got.Width != 160 || got.Height != 96 {
			t.Errorf("the rendition is %+v", got)
		}
		s.offer(2, nil)
		r.expect("the offer is withdrawn", s.active(2, false))
		s.ended("the offer is withdrawn")
		if got := s.sub.Rendition(); got.Passed || got.Width != 320 || s.source.Tapped() {
			t.Errorf("the rendition is %+v, tapped %v", got, s.source.Tapped())
		}
	})
}

// TestNothingIsPassedThroughBeforeTheLayout: viewers are told what they see first.
func TestNothingIsPassedThroughBeforeTheLayout(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := &stream{room: r, sink: &layoutRecorder{}, size: mixer.Size{W: 160, H: 96}}
		s.source = r.AddSource(SourceConfig{})
		s.sub = r.watch(s.sink)
		r.engine.emit(mixer.Assigned{Subscription: s.sub.id, Rendition: 1, Info: plain()})
		s.offer(1, s.source)
		s.write("K1", "a")
		r.is("no layout", s.sink, "")
		r.engine.emit(mixer.Delivery{Rendition: 1, Layout: layoutOf("a")})
		s.write("K2", "b")
		r.engine.emit(mixer.Delivery{Rendition: 1, Layout: layoutOf("b")})
		s.write("c")
		r.is("with its layouts", s.sink, "layout:a K2 b layout:b c")
	})
}

func TestStaleOffersAreIgnored(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := passing(r, plain())
		other := r.AddSource(SourceConfig{})
		r.engine.sent()
		s.offer(3, s.source)
		r.expect("the newest", s.keyframe())
		s.offer(2, other)
		s.offer(3, nil)
		r.engine.emit(mixer.OfferPassthrough{Rendition: 99, Offer: 1, Source: other.ID()})
		r.expect("older ones")
		if other.Tapped() {
			t.Error("a source that is not offered is tapped")
		}
		s.write("K1", "a")
		r.is("the newest is passed through", s.sink, "K1 a")
		r.expect("the newest", s.active(3, true))
		s.offer(4, other)
		r.expect("another source", s.active(4, false), mixer.RequestSourceKeyframe{Source: other.ID()})
		s.write("K2", "b")
		r.is("the source before is not passed through", s.sink, "")
		s.source, s.layer = other, 0
		s.write("K3", "c")
		r.is("but the other one", s.sink, "K3 c")
		s.sink.rises(t)
	})
}

// TestPacketsOfAnOfferThatWasWithdrawnAreDiscarded: they may wait for their time.
func TestPacketsOfAnOfferThatWasWithdrawnAreDiscarded(t *testing.T) {
	for name, next := range map[string]func(s *stream){
		"withdrawn":     func(s *stream) { s.offer(2, nil) },
		"offered again": func(s *stream) { s.offer(2, s.source) },
		"it ended":      func(s *stream) { s.engine.emit(mixer.Ended{Rendition: 1}) },
	} {
		inRoom(t, func(t *testing.T, r *room) {
			s := passing(r, plain())
			r.engine.emit(mixer.Delayed{Source: s.source.ID(), Delay: time.Second})
			s.write("K1", "a", "b")
			next(s)
			r.engine.sent()
			time.Sleep(2 * time.Second)
			r.is(name, s.sink, "")
			if name != "offered again" {
				r.expect(name)
			}
		})
	}
}

func TestALostPacketEndsThePassthrough(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := passing(r, plain())
		s.start()
		lost := s.packet("lost")
		lost.Lost = true
		s.writePacket(lost)
		r.expect("something is lost", s.active(1, false), s.keyframe())
		s.ended("something is lost")
		s.write("b")
		r.expect("it asks again", s.keyframe())
		r.is("nothing without a keyframe", s.sink, "")
		first := s.packet("K1")
		first.Lost = true // what is missing came before it
		s.writePacket(first)
		r.is("a keyframe", s.sink, "K1")
		r.expect("a keyframe", s.active(1, true))
		s.goesOn("a keyframe")
	})
}

// TestAnUnansweredKeyframeRequestEndsThePassthrough: viewers wait 1.5 s for one of the source.
func TestAnUnansweredKeyframeRequestEndsThePassthrough(t *testing.T) {
	for name, request := range map[string]func(*stream){
		"it is requested":      func(s *stream) { s.sub.RequestKeyframe() },
		"another subscription": func(s *stream) { s.engine.emit(mixer.Assigned{Subscription: s.watch(&recorder{}).id, Rendition: 1}) },
	} {
		inRoom(t, func(t *testing.T, r *room) {
			s := passing(r, plain())
			s.start()
			request(s)
			began := time.Now()
			for s.sub.Rendition().Passed && time.Since(began) < time.Minute {
				s.write("n")
			}
			if d := time.Since(began); d <= keyframeTimeout || d > keyframeTimeout+2*frameTime {
				t.Errorf("%s: it ended after %v, want %v", name, d, keyframeTimeout)
			}
			s.sink.fresh()
			s.ended(name)
		})
	}
}

func TestAnAnsweredKeyframeRequestDoesNot(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := passing(r, plain())
		s.start()
		for range 3 {
			s.sub.RequestKeyframe()
			for range 20 {
				s.write("n")
			}
			s.write("K")
		}
		for range 40 {
			s.write("n")
		}
		if n := len(strings.Fields(s.sink.fresh())); n != 3*21+40 {
			t.Errorf("%d packets were passed through", n)
		}
		if !s.sub.Rendition().Passed {
			t.Error("it ended")
		}
	})
}

// TestPassthroughBehindAGap: a large delay fills the queue. What comes after the gap does not continue what waits.
func TestPassthroughBehindAGap(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := passing(r, plain())
		s.start()
		r.engine.emit(mixer.Delayed{Source: s.source.ID(), Delay: 10 * time.Second})
		for i := range passQueue + 1 { // one is held back, the others wait behind it
			s.write(fmt.Sprint("w", i))
		}
		r.expect("there is room")
		s.write("dropped")
		r.expect("there is no room", s.active(1, false))
		s.ended("there is no room")
		time.Sleep(10 * time.Second)
		r.is("what waited is not passed through", s.sink, "")
		r.engine.sent()
		r.engine.emit(mixer.Delayed{Source: s.source.ID()})
		s.write("behind")
		r.is("nor what comes behind the gap", s.sink, "")
		s.write("K1")
		r.is("but a keyframe", s.sink, "K1")
		s.goesOn("a keyframe")
	})
}

// TestAKeyframeThatWaitedEndsAtTheGap: it starts the passthrough, which ends at the gap.
func TestAKeyframeThatWaitedEndsAtTheGap(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := passing(r, plain())
		s.start()
		r.engine.emit(mixer.Delayed{Source: s.source.ID(), Delay: 5 * time.Second})
		for i := range passQueue {
			s.write(fmt.Sprint("w", i))
		}
		s.write("K1", "dropped")
		r.is("all wait", s.sink, "")
		r.engine.sent()
		time.Sleep(2 * time.Second) // some have gone
		s.write("behind", "more")
		time.Sleep(10 * time.Second)
		r.is("only what comes before the gap", s.sink, "K1")
		s.ended("the gap")
		r.engine.emit(mixer.Delayed{Source: s.source.ID()})
		s.write("K2")
		r.is("a keyframe", s.sink, "K2")
		s.goesOn("a keyframe")
	})
}

// TestWhatDoesNotFitIsNotPassedThrough: at a keyframe, at first or while another format is passed through.
func TestWhatDoesNotFitIsNotPassedThrough(t *testing.T) {
	small, large := mixer.Size{W: 160, H: 96}, mixer.Size{W: 640, H: 368}
	h264 := func(profile uint8, size mixer.Size) mixer.Packet {
		return mixer.Packet{Codec: mixer.H264, Key: true, Data: []byte(sps(profile, size) + "\x00\x00\x00\x01\x65#KX")}
	}
	vp8 := mixer.Packet{Codec: mixer.VP8, Key: true, Data: []byte("\x10\x02\x00\x9d\x01\x2a\xa0\x00\x60\x00#KX")}
	main, high, exact, both := plain(), plain(), plain(), plain()
	main.Profile, high.Profile, exact.Exact, both.Also = 77, 100, true, mixer.VP8
	for name, c := range map[string]struct {
		info   mixer.RenditionInfo
		key    mixer.Packet
		passed bool
	}{
		"baseline":                {plain(), h264(66, small), true},
		"main for baseline":       {plain(), h264(77, small), false},
		"high for baseline":       {plain(), h264(100, small), false},
		"main":                    {main, h264(77, small), true},
		"baseline for main":       {main, h264(66, small), true},
		"high for main":           {main, h264(100, small), false},
		"high":                    {high, h264(100, small), true},
		"extended for high":       {high, h264(88, small), false},
		"larger":                  {plain(), h264(66, large), true},
		"larger than asked for":   {exact, h264(66, large), false},
		"as large as asked for":   {exact, h264(66, exact.Size), true},
		"portrait":                {exact, h264(66, mixer.Size{W: 176, H: 320}), true},
		"vp8":                     {plain(), vp8, false},
		"vp8 for both":            {both, vp8, true},
		"h264 for both":           {both, h264(66, small), true},
		"another codec":           {both, mixer.Packet{Codec: mixer.AV1, Key: true, Data: []byte("#KX")}, false},
		"a keyframe without SPS":  {plain(), mixer.Packet{Codec: mixer.H264, Key: true, Data: []byte("\x00\x00\x00\x01\x65#KX")}, false},
		"an SPS that is cut off":  {plain(), mixer.Packet{Codec: mixer.H264, Key: true, Data: []byte("\x00\x00\x00\x01\x67\x42#KX")}, false},
		"a keyframe without data": {plain(), mixer.Packet{Codec: mixer.H264, Key: true}, false},
	} {
		for _, before := range []bool{false, true} {
			inRoom(t, func(t *testing.T, r *room) {
				s := passing(r, c.info)
				if before {
					s.start()
				}
				k := c.key
				k.PTS = s.pts
				s.writePacket(k)
				next := s.packet("n")
				next.Codec = k.Codec
				s.writePacket(next)
				if want := map[bool]string{true: "KX n"}[c.passed]; s.sink.fresh() != want {
					t.Errorf("%s: passed through, or not", name)
				}
				if c.passed {
					return
				}
				for _, sent := range r.engine.sent() {
					if sent == s.keyframe() {
						t.Errorf("%s: a keyframe is requested, which will not fit either", name)
					}
				}
				if before {
					s.ended(name)
				}
				s.write("K9")
				r.is(name+": one that fits", s.sink, "K9")
				s.goesOn(name)
			})
		}
	}
}

// TestRecoveryPointIsNoStart: passthrough does not start at a recovery point, and requests no keyframe there, because the
// camera may never send an IDR picture. It goes on over a recovery point.
func TestRecoveryPointIsNoStart(t *testing.T) {
	for _, before := range []bool{false, true} {
		inRoom(t, func(t *testing.T, r *room) {
			s := passing(r, plain())
			if before {
				s.start()
			}
			recovery := mixer.Packet{
				Codec: mixer.H264, Key: true, PTS: s.pts,
				Data: []byte(sps(66, mixer.Size{W: 320, H: 176}) + "\x00\x00\x00\x01\x06\x06\x01\xc4\x80\x00\x00\x00\x01\x41#R"),
			}
			s.writePacket(recovery)
			s.write("n")
			if want := map[bool]string{true: "R n"}[before]; s.sink.fresh() != want {
				t.Errorf("passing before is %v: passed through, or not", before)
			}
			for _, sent := range r.engine.sent() {
				if sent == s.keyframe() {
					t.Errorf("passing before is %v: a keyframe is requested", before)
				}
			}
			s.write("K9")
			r.is("an IDR picture", s.sink, "K9")
			s.goesOn("behind the IDR picture")
		})
	}
}

// TestAnotherCodecStartsAtAKeyframe: viewers take both.
func TestAnotherCodecStartsAtAKeyframe(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		both := plain()
		both.Also = mixer.VP8
		s := passing(r, both)
		s.start()
		other := s.packet("a")
		other.Codec = mixer.VP8
		s.writePacket(other)
		r.expect("another codec", s.active(1, false), s.keyframe())
		s.ended("another codec")
	})
}

// TestReorderedFramesAreNotPassedThrough: their decoding order is unknown to who sends them on.
func TestReorderedFramesAreNotPassedThrough(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := passing(r, plain())
		s.start()
		early := s.packet("b")
		early.PTS -= 2 * frameTime
		s.writePacket(early)
		r.expect("out of order", s.active(1, false))
		s.write("c", "K1", "d")
		s.ended("out of order")
		r.expect("no keyframe is requested")
		s.source, s.layer = r.AddSource(SourceConfig{}), 0
		s.offer(2, s.source)
		s.write("K2")
		r.is("another source", s.sink, "K2")
		s.goesOn("another source")
	})
}

// TestClocksMayJump: at a keyframe the time in the room goes on.
func TestClocksMayJump(t *testing.T) {
	for name, jump := range map[string]time.Duration{
		"far ahead": time.Hour, "far back": -time.Hour, "ahead": 3 * time.Second, "back": -3 * time.Second,
		"a little ahead": time.Second, "a little back": -time.Second,
	} {
		inRoom(t, func(t *testing.T, r *room) {
			s := passing(r, plain())
			s.pts += 2 * time.Hour
			s.start()
			s.pts += jump
			at := r.now()
			s.write("K1")
			r.is(name, s.sink, "K1")
			if d := (s.sink.newest().PTS - at).Abs(); d > maxLate {
				t.Errorf("%s: %v beside the time of the room", name, d)
			}
			for range 100 {
				before := s.sink.newest().PTS
				s.write("n")
				if step := s.sink.newest().PTS - before; step < frameTime*9/10 || step > frameTime*11/10 {
					t.Fatalf("%s: a packet comes %v after the one before", name, step)
				}
			}
			s.write("K2")
			if d := (s.sink.newest().PTS - r.now()).Abs(); d > maxSlip {
				t.Errorf("%s: later %v beside the time of the room", name, d)
			}
			s.sink.rises(t)
			if !s.sub.Rendition().Passed {
				t.Errorf("%s: it ended", name)
			}
		})
	}
}

func TestAJumpWithoutAKeyframeEndsThePassthrough(t *testing.T) {
	for name, jump := range map[string]time.Duration{"ahead": maxStep, "back": -maxStep - frameTime} {
		inRoom(t, func(t *testing.T, r *room) {
			s := passing(r, plain())
			s.start()
			s.pts += jump
			s.write("a")
			r.expect(name, s.active(1, false), s.keyframe())
			s.ended(name)
			s.write("K1")
			r.is(name, s.sink, "K1")
			s.goesOn(name)
		})
	}
}

// TestTimestampsFollowTheRoomsClock: slowly while the source's clock runs a little off, at a keyframe if it is far off.
func TestTimestampsFollowTheRoomsClock(t *testing.T) {
	for name, c := range map[string]struct {
		step     time.Duration // of the source's clock in 50 ms
		gop      int
		most     time.Duration // beside the time of the room
		mostStep time.Duration // from packet to packet
	}{
		"the same":    {50 * time.Millisecond, 1 << 20, time.Millisecond, 50 * time.Millisecond},
		"a bit slow":  {49900 * time.Microsecond, 1 << 20, 10 * time.Millisecond, 51 * time.Millisecond},
		"a bit fast":  {50100 * time.Microsecond, 1 << 20, 10 * time.Millisecond, 51 * time.Millisecond},
		"much slower": {47 * time.Millisecond, 20, 300 * time.Millisecond, 400 * time.Millisecond},
	} {
		inRoom(t, func(t *testing.T, r *room) {
			s := passing(r, plain())
			var before time.Duration
			for n := range 1200 {
				p := s.packet(map[bool]string{true: "K", false: "n"}[n%c.gop == 0])
				s.source.WriteVideo(1, p)
				s.pts += c.step
				synctest.Wait()
				got := s.sink.newest().PTS
				if d := (got - r.now()).Abs(); d > c.most {
					t.Fatalf("%s: packet %d is %v beside the time of the room", name, n, d)
				}
				if n > 0 && got-before > c.mostStep {
					t.Fatalf("%s: packet %d comes %v after the one before", name, n, got-before)
				}
				before = got
				time.Sleep(frameTime)
			}
			s.sink.rises(t)
		})
	}
}

// TestPacketsAreDelayedWithTheirAudio: by as much as the engine holds the video, less what the network held them.
func TestPacketsAreDelayedWithTheirAudio(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := passing(r, plain())
		r.engine.emit(mixer.Delayed{Source: s.source.ID(), Delay: 100 * time.Millisecond})
		s.write("K1")
		began := time.Now().Add(-frameTime) // when K1 came
		pts := s.pts - frameTime
		for i, late := range []time.Duration{0, 30, 80, 10, 90} {
			at := began.Add(time.Duration(i+1)*frameTime + late*time.Millisecond)
			time.Sleep(time.Until(at))
			p := s.packet("n")
			p.PTS = pts + time.Duration(i+1)*frameTime
			s.source.WriteVideo(1, p)
		}
		time.Sleep(time.Second)
		r.is("all", s.sink, "K1 n n n n n")
		for i, at := range s.sink.at[1:] { // the first is composed
			want := 100*time.Millisecond + time.Duration(i)*frameTime
			if got := at.Sub(began); got != want {
				t.Errorf("packet %d was sent after %v, want %v", i, got, want)
			}
			if got := s.sink.packets[i+1].PTS - began.Sub(r.Epoch()); (got - want).Abs() > time.Millisecond {
				t.Errorf("packet %d has the time %v, want %v", i, got, want)
			}
		}
	})
}

// TestALayerIsSwitchedAtItsKeyframe: the two layers have clocks of their own.
func TestALayerIsSwitchedAtItsKeyframe(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		s := passing(r, plain())
		s.start()
		r.engine.emit(mixer.Demanded{Source: s.source.ID(), Demand: mixer.Demand{Layer: 0}})
		large := *s
		large.layer, large.size, large.pts = 0, mixer.Size{W: 640, H: 368}, time.Hour
		large.write("L1")
		s.write("b")
		large.write("K-large")
		s.write("c", "K2")
		large.write("L2", "L3")
		r.is("the large layer", s.sink, "b K-large L2 L3")
		if got := s.sub.Rendition(); !got.Passed || got.Width != 640 {
			t.Errorf("the rendition is %+v", got)
		}
		s.sink.rises(t)
		r.expect("it goes on")
		r.engine.emit(mixer.Demanded{Source: s.source.ID(), Demand: mixer.Demand{Layer: 1}})
		s.write("d", "K3", "e")
		large.write("L4")
		r.is("the small layer", s.sink, "K3 e")
		s.sink.rises(t)
	})
}

// TestAStoppedPassthroughStaysStopped: with its rendition, and with the engine.
func TestAStoppedPassthroughStaysStopped(t *testing.T) {
	for name, stop := range map[string]func(*stream){
		"its rendition ended": func(s *stream) { s.engine.emit(mixer.Ended{Rendition: 1}) },
		"the engine ended":    func(s *stream) { s.end() },
	} {
		inRoom(t, func(t *testing.T, r *room) {
			s := passing(r, plain())
			s.start()
			stop(s)
			if s.source.Tapped() {
				t.Errorf("%s: the source is tapped", name)
			}
			s.offer(9, s.source)
			s.write("K1", "a")
			r.is(name, s.sink, "")
			s.sub.RequestKeyframe()
		})
	}
}

// TestMostRenditionsAreNeverPassedThrough: without a profile an offer means nothing.
func TestMostRenditionsAreNeverPassedThrough(t *testing.T) {
	inRoom(t, func(t *testing.T, r *room) {
		src := r.AddSource(SourceConfig{})
		s := &recorder{}
		r.assignTo(r.watch(s), 1)
		r.engine.emit(mixer.OfferPassthrough{Rendition: 1, Offer: 1, Source: src.ID()})
		r.expect("nothing happens")
		if src.Tapped() {
			t.Error("the source is tapped")
		}
	})
}
