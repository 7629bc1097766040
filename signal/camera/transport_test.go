package camera

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/base"

	"azulejo/mixer"
	"azulejo/signal/camera/cameratest"
)

// refuse returns a function that answers SETUP requests whose Transport header has word with a status code.
func refuse(word string, code base.StatusCode) func(*cameratest.Session, *base.Request) *base.Response {
	return func(_ *cameratest.Session, req *base.Request) *base.Response {
		tcp := strings.Contains(strings.Join(req.Header["Transport"], ""), "/TCP")
		if req.Method == base.Setup && tcp == (word == TransportTCP) {
			return &base.Response{StatusCode: code}
		}
		return nil
	}
}

// silentOver returns a function that plays nothing while the video goes over UDP, and the usual media over TCP.
func silentOver(udp bool) func(*cameratest.Session) {
	return func(s *cameratest.Session) {
		if t := s.Track(0); t.UDP() != udp {
			s.PlayVideo(t)
		}
	}
}

// TestTransport: which transport plays, and why none does.
func TestTransport(t *testing.T) {
	t.Parallel()
	once := func(code base.StatusCode) func(*cameratest.Session, *base.Request) *base.Response {
		tries := 0
		return func(s *cameratest.Session, req *base.Request) *base.Response {
			res := refuse(TransportTCP, code)(s, req)
			if res != nil {
				if tries++; tries > 1 {
					return nil
				}
			}
			return res
		}
	}
	for name, c := range map[string]struct {
		transport string
		answer    func(*cameratest.Session, *base.Request) *base.Response
		play      func(*cameratest.Session)
		want      string
		reason    mixer.Reason
		detail    string
	}{
		"tcp":                           {want: TransportTCP},
		"refused with 461":              {answer: refuse(TransportTCP, 461), want: TransportUDP},
		"refused with 406":              {answer: refuse(TransportTCP, 406), want: TransportUDP},
		"refused with 400":              {answer: refuse(TransportTCP, 400), want: TransportUDP},
		"refused with 500":              {answer: refuse(TransportTCP, 500), want: TransportUDP},
		"busy, and udp is silent":       {answer: once(461), play: silentOver(true), want: TransportTCP},
		"refused, and udp is silent":    {answer: refuse(TransportTCP, 461), play: silentOver(true), reason: mixer.ReasonNoData, detail: "no RTP"},
		"tcp is silent":                 {play: silentOver(false), reason: mixer.ReasonNoData, detail: "no RTP"},
		"no bandwidth is no transport":  {answer: refuse(TransportTCP, 453), reason: mixer.ReasonRefused, detail: "453 Not Enough Bandwidth"},
		"unknown track is no transport": {answer: refuse(TransportTCP, 404), reason: mixer.ReasonNoSuchStream, detail: "404 Not Found"},
		"tcp alone, refused":            {transport: TransportTCP, answer: refuse(TransportTCP, 461), reason: mixer.ReasonRefused, detail: "461"},
		"udp alone":                     {transport: TransportUDP, answer: refuse(TransportTCP, 461), want: TransportUDP},
		"udp alone, refused":            {transport: TransportUDP, answer: refuse(TransportUDP, 461), reason: mixer.ReasonRefused, detail: "461"},
		"udp alone, silent":             {transport: TransportUDP, play: silentOver(true), reason: mixer.ReasonNoData, detail: "no RTP"},
		"both are refused":              {answer: both(461), reason: mixer.ReasonRefused, detail: "461"},
		"the answer to tcp has udp":     {answer: answerUDP, want: TransportUDP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cam := &cameratest.Camera{Stream: film(t, mixer.H264), Answer: c.answer, Play: c.play, User: "gate", Password: "secret"}
			cam.Start(t)
			r := newTrial(t, Config{Transport: c.transport}, cam.LoginURL("gate", "secret"))
			// Packets may come before the answer to PLAY.
			err := r.run(t, func(r *trial) bool { return keyframeCame(r) && r.transport != "" })
			var f *Failure
			switch {
			case c.want != "" && (err != nil || r.transport != c.want):
				t.Errorf("played over %s, error %v; want %s", r.transport, err, c.want)
			case c.want == "" && (!errors.As(err, &f) || f.Reason != c.reason || !strings.Contains(f.Error(), c.detail)):
				t.Errorf("%v; want %s, %q", err, c.reason, c.detail)
			}
			if cam.Logins() != 1 {
				t.Errorf("%d logins", cam.Logins())
			}
		})
	}
}

// both refuses every SETUP.
func both(code base.StatusCode) func(*cameratest.Session, *base.Request) *base.Response {
	return func(_ *cameratest.Session, req *base.Request) *base.Response {
		if req.Method == base.Setup {
			return &base.Response{StatusCode: code}
		}
		return nil
	}
}

// answerUDP answers a SETUP request for TCP with the transport of UDP.
func answerUDP(s *cameratest.Session, req *base.Request) *base.Response {
	res := refuse(TransportTCP, base.StatusOK)(s, req)
	if res != nil {
		res.Header = base.Header{"Transport": {"RTP/AVP;unicast;server_port=5000-5001"}}
	}
	return res
}

// TestOneLostPacketOfSound: after one lost packet over UDP, only its 20 ms are missing, and the next packets wait for one more.
func TestOneLostPacketOfSound(t *testing.T) {
	t.Parallel()
	audio := cameratest.Tone(440)
	audio.Send = func(track *cameratest.Track, n int) {
		payload, timestamp := audio.Payload(n), uint32(n)*audio.Step
		if n%25 == 24 {
			track.Lose(payload, timestamp, false)
			return
		}
		track.Send(payload, timestamp, n == 0)
	}
	cam := (&cameratest.Camera{Stream: film(t, mixer.H264), Audio: audio}).Start(t)
	r := newTrial(t, Config{Transport: TransportUDP, Audio: AudioTrue}, cam.URL())
	began, least, most := time.Now(), time.Hour, time.Duration(0) // between the time of a packet and its arrival
	err := r.run(t, func(r *trial) bool {
		if n := len(r.audio); n > 0 {
			behind := time.Since(began) - r.audio[n-1].PTS
			least, most = min(least, behind), max(most, behind)
		}
		return len(r.audio) == 100
	})
	if err != nil {
		t.Fatal(err)
	}
	lost := 0
	for i, p := range r.audio[1:] {
		gap := p.PTS - r.audio[i].PTS - r.audio[i].Duration
		if p.Lost {
			lost++
		}
		if want := map[bool]time.Duration{true: 20 * time.Millisecond}[p.Lost]; gap != want {
			t.Errorf("packet %d: %v are missing, want %v", i+1, gap, want)
		}
	}
	if lost != 4 || r.lost.Load() != 4 {
		t.Errorf("%d gaps and %d lost packets, want 4", lost, r.lost.Load())
	}
	if late := most - least; late > 300*time.Millisecond {
		t.Errorf("packets came up to %v late", late)
	}
}

// TestOneLostPacketOfVideo: a quiet camera, with one packet in a frame, loses a packet over UDP. The next frame waits 150 ms.
func TestOneLostPacketOfVideo(t *testing.T) {
	t.Parallel()
	stream := cameratest.Make(t, mixer.H264, 15, "color=gray:size=160x96:rate=15:duration=2")
	cam := &cameratest.Camera{Stream: stream}
	cam.SendUnit = func(track *cameratest.Track, n int, unit [][]byte, timestamp uint32) {
		payloads := stream.PackUnit(unit)
		if n%15 == 5 {
			track.Lose(payloads[0], timestamp, true)
			return
		}
		track.SendUnit(payloads, timestamp)
	}
	cam.Start(t)
	r := newTrial(t, Config{Transport: TransportUDP}, cam.URL())
	var came []time.Time
	if err := r.run(t, func(r *trial) bool { came = append(came, time.Now()); return len(r.video) == 28 }); err != nil {
		t.Fatal(err)
	}
	for i, p := range r.video[1:] {
		step, pause := p.PTS-r.video[i].PTS, came[i+1].Sub(came[i])
		if want := map[bool]time.Duration{true: 2, false: 1}[p.Lost] * time.Second / 15; (step - want).Abs() > 2*time.Millisecond {
			t.Errorf("frame %d: %v after the one before, want %v", i+1, step, want)
		}
		if pause > time.Second {
			t.Errorf("frame %d came %v after the one before", i+1, pause)
		}
	}
	if r.lost.Load() != 2 {
		t.Errorf("%d lost packets, want 2", r.lost.Load())
	}
}

// TestReorderedDatagrams: packets that overtake each other are put in order, and nothing is lost.
func TestReorderedDatagrams(t *testing.T) {
	t.Parallel()
	audio := cameratest.Tone(440)
	var held func()
	audio.Send = func(track *cameratest.Track, n int) {
		packet := track.Make(audio.Payload(n), uint32(n)*audio.Step, n == 0)
		if n%5 == 3 {
			held = func() { track.Raw(packet) }
			return
		}
		track.Raw(packet)
		if held != nil {
			held()
			held = nil
		}
	}
	cam := (&cameratest.Camera{Stream: film(t, mixer.H264), Audio: audio}).Start(t)
	r := newTrial(t, Config{Transport: TransportUDP, Audio: AudioTrue}, cam.URL())
	if err := r.run(t, func(r *trial) bool { return len(r.audio) == 50 }); err != nil {
		t.Fatal(err)
	}
	checkTimes(t, r.audio)
	if r.lost.Load() != 0 {
		t.Errorf("%d lost packets", r.lost.Load())
	}
}

// TestLargeDatagrams: cameras on a network with jumbo frames send datagrams of any size that UDP has.
func TestLargeDatagrams(t *testing.T) {
	t.Parallel()
	stream := cameratest.Make(t, mixer.H264, 5, "nullsrc=size=640x360:rate=5:duration=1,geq=random(1)*255:128:128", "-qp", "10")
	for _, mtu := range []int{1480, 8900, 65000} {
		t.Run(fmt.Sprint(mtu), func(t *testing.T) {
			t.Parallel()
			cam := &cameratest.Camera{Stream: stream}
			var largest atomic.Int64
			cam.SendUnit = func(track *cameratest.Track, _ int, unit [][]byte, timestamp uint32) {
				var payloads [][]byte
				for _, nal := range unit {
					payloads = append(payloads, stream.PackTo(nal, mtu)...)
				}
				for _, p := range payloads {
					largest.Store(max(largest.Load(), int64(len(p))))
				}
				track.SendUnit(payloads, timestamp)
			}
			cam.Start(t)
			r := newTrial(t, Config{Transport: TransportUDP}, cam.URL())
			if err := r.run(t, func(r *trial) bool { return len(r.video) == 3 }); err != nil {
				t.Fatal(err)
			}
			if largest.Load() != int64(mtu) || r.lost.Load() != 0 {
				t.Errorf("the largest payload had %d bytes, want %d; %d packets were lost", largest.Load(), mtu, r.lost.Load())
			}
		})
	}
}

// TestDatagramsOfOthers: what does not come from the camera's address is not taken.
func TestDatagramsOfOthers(t *testing.T) {
	t.Parallel()
	stream := film(t, mixer.H264)
	cam := &cameratest.Camera{Stream: stream}
	cam.SendUnit = func(track *cameratest.Track, n int, unit [][]byte, timestamp uint32) {
		garbage := make([]byte, 40)
		for i := range garbage {
			garbage[i] = byte(rand.Uint32())
		}
		track.Foreign(track.Make(garbage, timestamp+9, true))
		track.SendUnit(stream.PackUnit(unit), timestamp)
	}
	cam.Start(t)
	r := newTrial(t, Config{Transport: TransportUDP}, cam.URL())
	if err := r.run(t, func(r *trial) bool { return len(r.video) == 20 }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.log.String(), `kind="datagrams from another address"`) || strings.Contains(r.log.String(), "malformed") {
		t.Errorf("the log says %s", r.log.String())
	}
}
