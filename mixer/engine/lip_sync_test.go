package engine

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/mixer/transit"
)

// clap is a sender whose video flashes whenever its audio beeps, and the network between it and the mixer.
type clap struct {
	jitter       time.Duration // of the audio, packet by packet
	bursts       time.Duration // packets of audio come together at multiples of it
	shaking      time.Duration // jitter of the video
	audio, image time.Duration // by which all packets are late
	reports      bool          // sender reports are known
	lie          time.Duration // the error of the reports about audio
	mute         bool          // there is no audio
	passed       bool          // frames are passed through
}

const (
	clapFor   = 200 * time.Millisecond
	clapFrame = 40 * time.Millisecond
	clapPhase = 7 * time.Millisecond // of frames, after a whole number of them
)

// at is when clap k is. Claps are at all phases of a second.
func (clap) at(k int) time.Duration {
	return time.Duration(26*k+k%7)*clapFrame + clapPhase
}

func (c clap) loud(at time.Duration) bool {
	for k := int(at / (27 * clapFrame)); c.at(k) <= at; k++ {
		if at < c.at(k)+clapFor {
			return true
		}
	}
	return false
}

// tone is the audio for d, loud during claps.
func (c clap) tone(d time.Duration) []int16 {
	out := make([]int16, samplesIn(d))
	for i := 0; i < len(out); i += 2 {
		loud := 400.
		if c.loud(durationOf(i)) {
			loud = 12000
		}
		v := int16(loud * math.Sin(2*math.Pi*1000*float64(i/2)/mixer.SampleRate))
		out[i], out[i+1] = v, v
	}
	return out
}

// arrival is a packet and when it arrives, since the start of the sender.
type arrival struct {
	at time.Duration
	p  mixer.Packet
}

func (c clap) audioPackets(t *testing.T, d time.Duration) (all []arrival) {
	dice, last := rand.New(rand.NewPCG(5, 6)), time.Duration(0)
	for _, p := range packed(t, codec.AudioConfig{Codec: mixer.Opus}, c.tone(d)) {
		last = max(last, p.PTS+p.Duration+c.audio+time.Duration(dice.Int64N(int64(c.jitter+1))))
		if c.bursts > 0 {
			last = (last + c.bursts - 1).Truncate(c.bursts)
		}
		if c.reports {
			p.Captured = time.Hour + p.PTS + c.lie
		}
		all = append(all, arrival{last, *p})
	}
	return all
}

func (c clap) frames(t *testing.T, d time.Duration) (all []arrival) {
	e, err := codec.NewVideoEncoder(codec.VideoConfig{Codec: mixer.H264, Width: 64, Height: 64, FPS: 25, Bitrate: 300_000, Preset: "ultrafast"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	f, err := codec.NewFrame(64, 64)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dice, last := rand.New(rand.NewPCG(7, 8)), time.Duration(0)
	for at := clapPhase; at < d; at += clapFrame {
		f.Fill(f.Bounds(), codec.Colour{Y: 30, U: 128, V: 128})
		if c.loud(at) {
			f.Fill(f.Bounds(), codec.Colour{Y: 220, U: 128, V: 128})
		}
		packets, err := e.Encode(f, at, len(all)%25 == 0)
		if err != nil || len(packets) != 1 {
			t.Fatalf("%d packets of a frame, %v", len(packets), err)
		}
		p := packets[0]
		if c.reports {
			p.Captured = time.Hour + at
		}
		last = max(last, at+c.image+time.Duration(dice.Int64N(int64(c.shaking+1))))
		all = append(all, arrival{last, p})
	}
	return all
}

func play(arrivals []arrival, begin time.Time, write func(mixer.Packet)) {
	for _, a := range arrivals {
		time.Sleep(time.Until(begin.Add(a.at)))
		write(a.p)
	}
}

// onsets are the media times at which claps begin.
type onsets struct{ at []time.Duration }

// note notes whether a flash or beep is on. Audio is below the threshold between the peaks of its wave.
func (o *onsets) note(at time.Duration, on bool) {
	if on && (len(o.at) == 0 || at-o.at[len(o.at)-1] > 2*clapFor) {
		o.at = append(o.at, at)
	}
}

// first is the first onset that can belong to a clap at at.
func (o *onsets) first(at time.Duration) time.Duration {
	for _, onset := range o.at {
		if onset >= at-clapFor {
			return onset
		}
	}
	return 0
}

// flashes are the onsets of flashes that a viewer sees.
type flashes struct {
	onsets
	decoder *codec.VideoDecoder
	sub     *subscription
}

func (s *flashes) WritePacket(p mixer.Packet) {
	frames, _ := s.decoder.Decode(p)
	for _, f := range frames {
		s.note(p.PTS, f.Mean(f.Bounds()).Y > 58)
		f.Close()
	}
}

// beeps are the onsets of beeps that a viewer hears.
type beeps struct {
	onsets
	decoder *codec.AudioDecoder
	sub     *hub.AudioSubscription
}

func (s *beeps) WritePacket(p mixer.Packet) {
	pcm, _ := s.decoder.Decode(nil, p)
	for i, v := range pcm {
		s.note(p.PTS+durationOf(i), v > 6000)
	}
}

// perform has the sender clap for d under a fake clock. It returns how long after each clap of the second half the clap
// is seen and heard.
func (c clap) perform(t *testing.T, d time.Duration) (seen, heard []time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		m := run(t, mixer.Config{Width: 64, Height: 64, FPS: 25, Bitrate: 300_000, Preset: "ultrafast", Rungs: []string{"64p"}})
		eye, ear := c.attend(t, m)
		src := m.AddSource(SourceConfig{Name: "a"})
		frames, audioPackets := c.frames(t, d), c.audioPackets(t, d)
		if c.mute {
			audioPackets = nil
		}
		begin := time.Now().Add(13 * time.Millisecond)
		var work sync.WaitGroup
		work.Go(func() { play(audioPackets, begin, src.WriteAudio) })
		play(frames, begin, src.WriteVideo)
		work.Wait()
		if r := eye.sub.Rendition(); r.Passed != c.passed {
			t.Errorf("the rendition is %+v", r)
		}
		eye.sub.Close()
		ear.sub.Close()
		for k := 0; c.at(k) < d-time.Second; k++ {
			if at := begin.Sub(m.Epoch()) + c.at(k); c.at(k) > d/2 {
				seen, heard = append(seen, eye.first(at)-at), append(heard, ear.first(at)-at)
			}
		}
	})
	return seen, heard
}

// attend adds a viewer of video and audio until the test ends.
func (c clap) attend(t *testing.T, m *rig) (*flashes, *beeps) {
	t.Helper()
	video, err := codec.NewVideoDecoder(mixer.H264, 0)
	if err != nil {
		t.Fatal(err)
	}
	audio, err := codec.NewAudioDecoder(mixer.Opus, nil)
	if err != nil {
		t.Fatal(err)
	}
	eye, ear := &flashes{decoder: video}, &beeps{decoder: audio}
	w := mixer.Watching{Codec: mixer.H264}
	if c.passed {
		w = passthrough(mixer.H264, 66)
	}
	if eye.sub, err = m.Watch(w, eye); err != nil {
		t.Fatal(err)
	}
	if ear.sub, err = m.Listen(mixer.Opus, nil, ear); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eye.sub.Close()
		ear.sub.Close()
		video.Close()
		audio.Close()
	})
	return eye, ear
}

// TestFlashAndBeep: a clap is seen and heard within 40 ms, for many delays of audio and video in the network and the
// sender.
func TestFlashAndBeep(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]clap{
		"calm":                         {},
		"60 ms of jitter":              {jitter: 60 * ms},
		"audio in bursts":              {bursts: 120 * ms},
		"120 ms of jitter":             {jitter: 120 * ms, reports: true},
		"jitter of both":               {jitter: 60 * ms, shaking: 60 * ms, reports: true},
		"audio is late":                {jitter: 60 * ms, audio: 100 * ms, reports: true},
		"audio is very late":           {audio: 400 * ms, reports: true},
		"frames are late":              {image: 100 * ms, reports: true},
		"reports that lie about hours": {jitter: 60 * ms, reports: true, lie: 5 * time.Hour},
		"passed through":               {jitter: 60 * ms, audio: 60 * ms, shaking: 30 * ms, reports: true, passed: true},
	} {
		t.Run(name, func(t *testing.T) {
			noFrames(t)
			seen, heard := c.perform(t, 30*time.Second)
			for i := range seen {
				if apart := seen[i] - heard[i]; apart.Abs() > 40*ms {
					t.Errorf("clap %d of %d is seen %v and heard %v after it was: %v apart", i, len(seen), seen[i], heard[i], apart)
				}
			}
		})
	}
}

// TestVideoWithoutAudioIsNotDelayed: it only waits for the tick of the view.
func TestVideoWithoutAudioIsNotDelayed(t *testing.T) {
	noFrames(t)
	seen, _ := clap{mute: true, reports: true}.perform(t, 20*time.Second)
	for i, late := range seen {
		if late > clapFrame {
			t.Errorf("flash %d is seen %v after it came", i, late)
		}
	}
}

func TestVideoDelayChangesSlowly(t *testing.T) {
	const ms = time.Millisecond
	now := time.Now()
	l := lipSync{moved: now}
	for i, c := range []struct{ after, target, want time.Duration }{
		{time.Second, 100 * ms, 10 * ms},
		{5 * time.Second, 100 * ms, 60 * ms},
		{5 * time.Second, 100 * ms, 100 * ms},
		{time.Second, 400 * ms, 110 * ms},
		{time.Second, 420 * ms, 420 * ms}, // too far off to wait for
		{20 * time.Second, time.Hour, syncMost},
		{time.Second, 350 * ms, 490 * ms},
		{time.Second, -time.Hour, 0},
	} {
		now = now.Add(c.after)
		if l.follow(c.target, now); l.delay != c.want {
			t.Errorf("step %d: held for %v; want %v", i, l.delay, c.want)
		}
	}
}

// TestSilentAudioIsNotWaitedFor: video does not wait for audio that is muted or has been silent for syncPause, and such
// audio does not wait for video.
func TestSilentAudioIsNotWaitedFor(t *testing.T) {
	const ms = time.Millisecond
	s, now := newMouth(t), time.Now()
	s.buffer.lastDelay, s.byCapture = 150*ms, floorOf(0)
	late := floorOf(90 * ms)
	for _, c := range []struct {
		name        string
		quiet       time.Duration
		muted       bool
		ahead, wait time.Duration
	}{
		{"heard", time.Second, false, 110 * ms, 150 * ms},
		{"silent", syncPause + time.Second, false, 0, audioLatency},
		{"heard again", 0, false, 110 * ms, 150 * ms},
		{"muted", time.Second, true, 0, audioLatency},
	} {
		s.audibleAt = now.Add(-c.quiet)
		s.muted.Store(c.muted)
		if got := s.videoLead(now, transit.Floor{}); got != c.ahead {
			t.Errorf("%s: a frame is %v ahead; want %v", c.name, got, c.ahead)
		}
		if got := s.videoLead(now, late); got != 0 || s.buffer.target() != c.wait {
			t.Errorf("%s: a late frame is %v ahead and audio waits %v; want 0 and %v", c.name, got, s.buffer.target(), c.wait)
		}
	}
}

// floorOf is a floor with that value.
func floorOf(d time.Duration) (f transit.Floor) {
	f.Add(0, d)
	return f
}
