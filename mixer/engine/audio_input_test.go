package engine

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
)

// mouth plays packets to an audioInput under a clock of its own, without its goroutine.
type mouth struct {
	*audioInput
	t       *testing.T
	decoder audioDecoder
	now     time.Duration
	hidden  bool // packets after a loss are not marked as Lost
	held    bool // the first packet after a loss comes with the second one, because it was held back for the lost one
}

func newMouth(t *testing.T) *mouth {
	t.Helper()
	m := &mouth{audioInput: newAudioInput(slog.New(slog.DiscardHandler)), t: t}
	t.Cleanup(func() { m.close(); m.decoder.close() })
	return m
}

// play decodes each packet at the time when its audio has ended. It returns the audio that is heard until 200 ms after
// the last packet. Packets that are nil are lost.
func (m *mouth) play(packets []*mixer.Packet) (heard []int16) {
	m.t.Helper()
	lost, first := false, packets[0].PTS
	start, last := m.now, packets[len(packets)-1]
	for ; m.now < start+last.PTS-first+200*time.Millisecond; m.now += blockTime {
		for ; len(packets) > 0; packets = packets[1:] {
			p := packets[0]
			if p == nil {
				lost = true
				continue
			}
			came := start + p.PTS - first + p.Duration
			if lost && m.held {
				came += p.Duration
			}
			if came > m.now {
				break
			}
			q := *p
			q.Lost, lost = lost && !m.hidden, false
			if err := m.decode(&m.decoder, q, m.born.Add(came)); err != nil {
				m.t.Fatal(err)
			}
		}
		heard = append(heard, m.hear()...)
	}
	return heard
}

// hear returns the next block, or silence if there is none.
func (m *mouth) hear() []int16 {
	if b := m.pull(m.born.Add(m.now)); b != nil {
		return slices.Clone(b)
	}
	return make([]int16, blockLength)
}

// packed encodes audio. cfg.Frame is the length of packets in codecs that allow any.
func packed(t testing.TB, cfg codec.AudioConfig, audio []int16) (packets []*mixer.Packet) {
	t.Helper()
	frame := cfg.Frame
	if cfg.Codec != mixer.Opus {
		cfg.Frame = 0
	}
	e, err := codec.NewAudioEncoder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	all, err := e.Encode(audio, 0)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Codec != mixer.Opus {
		all = repack(all, frame)
	}
	for i := range all {
		packets = append(packets, &all[i])
	}
	return packets
}

// repack cuts the data of codecs without frames into packets of that length.
func repack(all []mixer.Packet, frame time.Duration) (out []mixer.Packet) {
	var data []byte
	for _, p := range all {
		data = append(data, p.Data...)
	}
	size := len(all[0].Data) * int(frame/time.Millisecond) / int(all[0].Duration/time.Millisecond)
	for at := 0; at+size <= len(data); at += size {
		out = append(out, mixer.Packet{
			Codec: all[0].Codec, Data: data[at : at+size], PTS: time.Duration(at/size) * frame, Duration: frame, Key: true,
		})
	}
	return out
}

// stereo is a tone of left hertz in the left channel and of right hertz in the right one.
func stereo(d time.Duration, left, right float64) []int16 {
	out := make([]int16, samplesIn(d))
	for i := 0; i < len(out); i += 2 {
		at := 2 * math.Pi * float64(i/2) / mixer.SampleRate
		out[i], out[i+1] = int16(toneLoud*math.Sin(left*at)), int16(toneLoud*math.Sin(right*at))
	}
	return out
}

// channel is one channel of stereo audio, copied to both.
func channel(audio []int16, side int) []int16 {
	out := slices.Clone(audio)
	for i := range out {
		out[i] = audio[i&^1+side]
	}
	return out
}

// level of a tone in the middle of audio.
func level(audio []int16, hz float64) float64 {
	return pcm.Goertzel(audio[len(audio)/4&^1:len(audio)*3/4&^1], mixer.SampleRate, hz)
}

// TestEveryCodecIsHeard decodes all codecs with all numbers of channels and lengths of packets.
func TestEveryCodecIsHeard(t *testing.T) {
	const left, right = 300, 700
	for _, c := range []codec.AudioConfig{
		{Codec: mixer.Opus},
		{Codec: mixer.Opus, Mono: true},
		{Codec: mixer.Opus, Mono: true, Voice: true, Bitrate: 16_000},
		{Codec: mixer.PCMU},
		{Codec: mixer.PCMA},
		{Codec: mixer.G722},
	} {
		for _, frame := range []time.Duration{10, 20, 40, 60} {
			c.Frame = frame * time.Millisecond
			mono := c.Mono || c.Codec != mixer.Opus
			t.Run(fmt.Sprintf("%s %v mono %v voice %v", c.Codec, c.Frame, mono, c.Voice), func(t *testing.T) {
				want := -11.3
				other := right
				if mono {
					other = left
				}
				heard := newMouth(t).play(packed(t, c, stereo(2*time.Second, left, float64(other))))
				if got := level(channel(heard, 0), left); math.Abs(got-want) > 1.5 {
					t.Errorf("left tone at %.1f dB, want %.1f", got, want)
				}
				if got := level(channel(heard, 1), float64(other)); math.Abs(got-want) > 1.5 {
					t.Errorf("right tone at %.1f dB, want %.1f", got, want)
				}
				if !mono && level(channel(heard, 1), left) > want-20 {
					t.Error("the left tone is heard on the right")
				}
				limit := 900 // of a step of both tones, with some noise of the coder
				if d := largestStep(channel(heard[len(heard)/4:len(heard)*3/4], 0)); d > limit {
					t.Errorf("a step of %d", d)
				}
			})
		}
	}
}

// vowel is similar to a voice: harmonics of a gliding pitch whose level rises and falls.
func vowel(d time.Duration) []int16 {
	out, phase := make([]int16, samplesIn(d)), 0.0
	for i := 0; i < len(out); i += 2 {
		at := float64(i/2) / mixer.SampleRate
		phase += 2 * math.Pi * (140 + 30*math.Sin(2*math.Pi*1.3*at)) / mixer.SampleRate
		v := 0.0
		for k := 1.0; k <= 12; k++ {
			v += math.Sin(k*phase) / k
		}
		out[i] = int16(4000 * v * (0.6 + 0.4*math.Sin(2*math.Pi*3*at)))
		out[i+1] = out[i]
	}
	return out
}

// TestPausesOfDTX: with DTX, a pause is silent. The voice after it is complete and has the same delay as before.
func TestPausesOfDTX(t *testing.T) {
	const spurt, pause = 2 * time.Second, 3 * time.Second
	audio := slices.Concat(vowel(spurt), make([]int16, samplesIn(pause)), vowel(spurt))
	var sent []*mixer.Packet
	for _, p := range packed(t, codec.AudioConfig{Codec: mixer.Opus, Voice: true, Mono: true, DTX: true, Bitrate: 24_000}, audio) {
		if len(p.Data) > 2 {
			sent = append(sent, p)
		}
	}
	if most := 220; len(sent) > most {
		t.Fatalf("%d packets of 350 were sent: nothing was left out", len(sent))
	}
	m := newMouth(t)
	heard := m.play(sent)
	begin := samplesIn(audioLatency + blockTime)
	middle := heard[begin+samplesIn(spurt+time.Second):][:samplesIn(pause-time.Second-100*time.Millisecond)]
	if l := pcm.Level(middle); l != pcm.Floor {
		t.Errorf("the pause is at %.1f dB", l)
	}
	for name, at := range map[string]time.Duration{"first": 0, "second": spurt + pause} {
		said := heard[begin+samplesIn(at):][:samplesIn(spurt-100*time.Millisecond)]
		if l, want := pcm.Level(said), pcm.Level(vowel(spurt)); math.Abs(l-want) > 1.5 {
			t.Errorf("the %s spurt is at %.1f dB, want %.1f", name, l, want)
		}
	}
	if d := m.buffer.delay(m.now); len(m.buffer.queue) > blockLength {
		t.Errorf("%v of audio are left, with a delay of %v", durationOf(len(m.buffer.queue)), d)
	}
}

// likeness is the SNR of got against want in dB, at the best lag of up to 40 ms.
func likeness(want, got []int16) float64 {
	best, most := math.Inf(-1), samplesIn(40*time.Millisecond)
	for lag := 0; lag <= most; lag += 2 {
		var signal, noise float64
		for i := 0; i < min(len(want), len(got))-most; i += 46 {
			w, g := float64(want[i]), float64(got[i+lag])
			signal, noise = signal+w*w, noise+(w-g)*(w-g)
		}
		best = max(best, 10*math.Log10(signal/(noise+1)))
	}
	return best
}

// TestRedundancyIsUsed: a tenth of the packets is lost. With the redundancy in the next packets, the SNR is more than
// 3 dB better than with guesses. It is measured second by second, because the delay changes.
func TestRedundancyIsUsed(t *testing.T) {
	packets := packed(t, codec.AudioConfig{Codec: mixer.Opus, Voice: true, Mono: true, Bitrate: 32_000, Loss: 10}, vowel(20*time.Second))
	want := newMouth(t).play(packets)
	r := rand.New(rand.NewPCG(1, 2))
	for i := 50; i < len(packets)-1; i++ {
		if r.IntN(10) == 0 {
			packets[i] = nil
		}
	}
	rate := func(m *mouth) float64 {
		got, sum := m.play(packets), 0.0
		const from, to = 5, 18
		for i := from; i < to; i++ {
			sum += likeness(want[i*len(second):(i+1)*len(second)], got[i*len(second):(i+1)*len(second)])
		}
		return sum / (to - from)
	}
	blind := newMouth(t)
	blind.hidden = true
	guessed, recovered := rate(blind), rate(newMouth(t))
	t.Logf("10 %% loss: %.1f dB guessed, %.1f dB recovered", guessed, recovered)
	if recovered < guessed+3 {
		t.Errorf("10 %% loss: %.1f dB guessed, %.1f dB recovered; want 3 dB more", guessed, recovered)
	}
}

// TestOneLostPacketIsConcealed: a packet of 20 ms is lost every half second. The next one comes late, because it was held back
// for the lost one. The tone goes on without a silent block.
func TestOneLostPacketIsConcealed(t *testing.T) {
	packets := packed(t, codec.AudioConfig{Codec: mixer.PCMU, Mono: true, Frame: 20 * time.Millisecond}, stereo(6*time.Second, 440, 440))
	for i := 25; i < len(packets)-2; i += 25 {
		packets[i] = nil
	}
	m := newMouth(t)
	m.held = true
	heard := m.play(packets)
	usual := pcm.Level(heard[len(second):][:blockLength])
	for at := 10 * blockLength; at < 290*blockLength; at += blockLength {
		if got := pcm.Level(heard[at:][:blockLength]); got < usual-6 {
			t.Errorf("after %v the level is %.1f dBFS, usually %.1f", durationOf(at), got, usual)
		}
	}
}

// TestMutingFades: muting fades out, and unmuting fades in. The periods of the tone do not end with a block, so that a
// jump of the gain would be a click.
func TestMutingFades(t *testing.T) {
	m := newMouth(t)
	tone := stereo(40*blockTime, 345, 345)
	var heard []int16
	for i := range 40 {
		m.muted.Store(i >= 20 && i < 25)
		block := m.speak(tone[i*blockLength:][:blockLength])
		heard = append(heard, block...)
		if l := pcm.Level(block); i > 20 && i < 25 && l != pcm.Floor {
			t.Errorf("block %d of a muted source is at %.1f dB", i, l)
		} else if i > 26 && l < -20 {
			t.Errorf("block %d is at %.1f dB after the source was unmuted", i, l)
		}
	}
	if d, calm := largestStep(heard), largestStep(tone); d > calm*13/10 {
		t.Errorf("a click of %d, the steps of the tone itself are %d", d, calm)
	}
}

// TestStartingAtAPeakDoesNotClick: audio that begins at the peak of a loud wave fades in within 5 ms, at first and after a
// pause.
func TestStartingAtAPeakDoesNotClick(t *testing.T) {
	wave := ramp(time.Second/toneHz/4, 200*time.Millisecond) // from its first peak on
	if wave[0] < toneLoud-10 {
		t.Fatalf("the wave begins at %d, not at its peak", wave[0])
	}
	calm := largestStep(wave)
	for name, pause := range map[string]time.Duration{"at first": 0, "after a second": time.Second, "after a minute": time.Minute} {
		m := newMouth(t)
		heard := m.speak(wave)
		if pause > 0 {
			for end := m.now + pause; m.now < end; m.now += blockTime {
				heard = append(heard, m.hear()...)
			}
			heard = append(heard, m.speak(wave)...)
		}
		if l := pcm.Goertzel(heard[len(heard)-len(wave)/2:], mixer.SampleRate, toneHz); l < -15 {
			t.Errorf("%s: the tone is at %.1f dB", name, l)
		}
		if d := largestStep(heard); d > calm*13/10 {
			t.Errorf("%s: a click of %d, the steps of the wave itself are %d", name, d, calm)
		}
	}
}

// speak pushes audio without encoding, and returns the audio that is heard meanwhile.
func (m *mouth) speak(audio []int16) (heard []int16) {
	for ; len(audio) >= blockLength; audio = audio[blockLength:] {
		m.push(mixer.Packet{Codec: mixer.Opus, PTS: m.now}, nil, audio[:blockLength], m.born.Add(m.now))
		heard = append(heard, m.hear()...)
		m.now += blockTime
	}
	return heard
}

// TestRepeatedSilenceIsNotDecoded: the equal packets of a muted microphone are not decoded.
func TestRepeatedSilenceIsNotDecoded(t *testing.T) {
	m := newMouth(t)
	packets := packed(t, codec.AudioConfig{Codec: mixer.Opus}, slices.Concat(make([]int16, samplesIn(time.Second)), ramp(0, time.Second)))
	m.play(packets[:50])
	if m.decoder.same < 10 || m.decoder.silence != blockLength {
		t.Errorf("%d equal packets of silence, %d samples each", m.decoder.same, m.decoder.silence)
	}
	m.now -= 200 * time.Millisecond
	heard := m.play(packets[50:])
	if l := level(heard, toneHz); math.Abs(l+11.3) > 1.5 {
		t.Errorf("audio after silence is at %.1f dB", l)
	}
}

// BenchmarkSource decodes, queues and pulls 20 ms of one source.
func BenchmarkSource(b *testing.B) {
	for name, audio := range map[string][]int16{"voice": vowel(time.Second), "silent": make([]int16, samplesIn(time.Second))} {
		b.Run(name, func(b *testing.B) {
			packets := packed(b, codec.AudioConfig{Codec: mixer.Opus}, audio)
			s := newAudioInput(slog.New(slog.DiscardHandler))
			defer s.close()
			var d audioDecoder
			defer d.close()
			now := s.born
			for i := 0; b.Loop(); i++ {
				now = now.Add(blockTime)
				p := *packets[i%len(packets)]
				p.PTS = time.Duration(i) * blockTime
				if err := s.decode(&d, p, now); err != nil {
					b.Fatal(err)
				}
				s.pull(now)
			}
		})
	}
}

// TestAudioQueueKeepsTheNewest: of a burst that is longer than the queue, the oldest packets are dropped. Those that are kept
// continue the audio that follows the burst.
func TestAudioQueueKeepsTheNewest(t *testing.T) {
	a := &audioInput{packets: make(chan mixer.Packet, audioQueue)} // nobody decodes
	for i := range audioQueue + 8 {
		a.enqueue(mixer.Packet{PTS: time.Duration(i) * blockTime})
	}
	for i := 8; i < audioQueue+8; i++ {
		if p := <-a.packets; p.PTS != time.Duration(i)*blockTime {
			t.Errorf("packet %d is at %v", i, p.PTS)
		}
	}
	if got := a.invalid.Load(); got != 8 {
		t.Errorf("%d packets are counted, want 8", got)
	}
}
