package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// TestNothingIsPassedOnBeforeTheLayout: the first packet may come while the first tick is not over.
func TestNothingIsPassedOnBeforeTheLayout(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	v := stage(t, m, alone)
	awake(t, v, src)
	putFrame(t, src, 160, 90, red)
	if v.passable() != nil {
		t.Error("a source is passed on, and there is no layout to tell")
	}
	v.describe(time.Now())
	if v.passable() != src {
		t.Error("the source is not passed on")
	}
}

// TestPassingOnBehindAGap: when nobody came for packets so long that some had no room, only a key picture goes on.
// The viewer's check is that each packet is a picture.
func TestPassingOnBehindAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := start(t, small)
		src := m.AddSource(SourceConfig{Name: "a"})
		film{put: src.PutVideo, id: mixer.H264, w: 160, h: 90, colour: red, blinking: true, gop: 30}.run(t)
		v := attend(t, m, passing(mixer.H264, 66), nil)
		slow := &labour{takes: 5 * time.Second}
		beside, err := m.Watch(passing(mixer.H264, 66), slow)
		if err != nil {
			t.Fatal(err)
		}
		defer beside.Close()
		for range 3 {
			eventually(t, 5*time.Second, "it is passed on", passed(v))
			slow.hard.Store(true)
			time.Sleep(100 * time.Millisecond)
			slow.hard.Store(false)
			time.Sleep(6 * time.Second)
		}
	})
}

// TestNothingComposedAmongWhatIsPassedOn: a canvas may wait for the encoder when the first packet comes.
func TestNothingComposedAmongWhatIsPassedOn(t *testing.T) {
	m := start(t, small)
	src := m.AddSource(SourceConfig{Name: "a"})
	r, err := newPicture(pictureKey{id: mixer.H264, size: mixer.Size{W: 320, H: 180}, profile: 66}, stage(t, m, alone), m.cfg, m.log)
	if err != nil {
		t.Fatal(err)
	}
	r.ended = func() {}
	defer r.close()
	r.relay.lead(r, src)
	key := clip(t, "testsrc2=size=160x90:rate=20:duration=0.1", "-profile:v", "baseline")[0]
	r.pass(relayed{src, layerPacket{due: m.cfg.Epoch.Add(time.Second), Packet: key}})
	if !r.relay.active() {
		t.Fatal("the key picture is not passed on")
	}
	f, err := codec.NewFrame(320, 180)
	if err != nil {
		t.Fatal(err)
	}
	last := r.last
	f.PTS = last + 50*time.Millisecond
	if err = r.show(shot{frame: f}); err != nil || r.last != last {
		t.Errorf("a canvas at %v was sent behind a packet at %v, error %v", r.last, last, err)
	}
}
