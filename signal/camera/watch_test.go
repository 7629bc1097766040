package camera

import (
	"testing"
	"time"

	"azulejo/mixer"
)

// session is a session that a watch observes on a clock of its own.
type session struct {
	watch
	now time.Time
}

func newSession(r *rhythm, start time.Time) *session {
	s := &session{watch: watch{rhythm: r}, now: start}
	s.begin(start)
	return s
}

// pictures lets n pictures come, one every d.
func (s *session) pictures(n int, d time.Duration) {
	for range n {
		s.now = s.now.Add(d)
		s.picture(mixer.Packet{Key: s.watch.pictures == 0}, s.now)
	}
}

// end returns how long after the last picture the session is ended, and why, if nothing comes any more.
func (s *session) end(t *testing.T) (time.Duration, mixer.Reason) {
	t.Helper()
	for at := s.now; at.Sub(s.now) < time.Hour; {
		ended, next := s.check(at, time.Time{})
		if ended != nil {
			return at.Sub(s.now), ended.Reason
		}
		if !next.After(at) {
			t.Fatal("the next check is not later")
		}
		at = next
	}
	t.Fatal("it is not ended within an hour")
	return 0, ""
}

func TestWhenASessionIsStalled(t *testing.T) {
	for name, c := range map[string]struct {
		pictures int
		every    time.Duration
		want     time.Duration
		reason   mixer.Reason
	}{
		"nothing ever comes":             {0, 0, 5 * time.Second, mixer.ReasonNoData},
		"one picture":                    {1, time.Second, 5 * time.Second, mixer.ReasonStalled},
		"25 a second":                    {100, 40 * time.Millisecond, 5 * time.Second, mixer.ReasonStalled},
		"one a second":                   {100, time.Second, 5 * time.Second, mixer.ReasonStalled},
		"one in 4 s":                     {20, 4 * time.Second, 12 * time.Second, mixer.ReasonStalled},
		"one in 30 s":                    {20, 30 * time.Second, 90 * time.Second, mixer.ReasonStalled},
		"one in 5 minutes is too little": {20, 5 * time.Minute, 3 * time.Minute, mixer.ReasonStalled},
	} {
		s := newSession(&rhythm{}, time.Now())
		s.pictures(c.pictures, c.every)
		if got, reason := s.end(t); got != c.want || reason != c.reason {
			t.Errorf("%s: ended after %v as %s, want %v and %s", name, got, reason, c.want, c.reason)
		}
	}
}

// TestTheRhythmFollowsTheCamera: single long distances do not count, a slower camera does.
func TestTheRhythmFollowsTheCamera(t *testing.T) {
	s := newSession(&rhythm{}, time.Now())
	s.pictures(100, 40*time.Millisecond)
	s.pictures(1, 4900*time.Millisecond)
	s.pictures(3, 40*time.Millisecond)
	if got, _ := s.end(t); got != 5*time.Second {
		t.Errorf("one slow picture: ended after %v, want 5s", got)
	}
	s.pictures(20, 4*time.Second) // at night
	if got, _ := s.end(t); got != 12*time.Second {
		t.Errorf("slower: ended after %v, want 12s", got)
	}
	s.pictures(20, 40*time.Millisecond)
	if got, _ := s.end(t); got != 5*time.Second {
		t.Errorf("fast again: ended after %v, want 5s", got)
	}
}

// TestASlowCameraIsLearnt: one picture in 10 s is more than a new session's patience. It grows until the rhythm is known, and
// the next session knows it from the start.
func TestASlowCameraIsLearnt(t *testing.T) {
	var r rhythm
	start := time.Now()
	var ends []time.Duration
	for range 10 {
		s := newSession(&r, start)
		end, _ := s.end(t)
		if end > 10*time.Second {
			s.pictures(5, 10*time.Second)
			if got, _ := s.end(t); got != 30*time.Second {
				t.Errorf("once it is known: ended after %v, want 30s", got)
			}
			break
		}
		ends = append(ends, end)
	}
	if len(ends) != 2 || ends[0] != 5*time.Second || ends[1] != 10*time.Second {
		t.Errorf("sessions in vain: %v, want 5s and 10s", ends)
	}
	if got, reason := newSession(&r, start).end(t); got != 30*time.Second || reason != mixer.ReasonNoData {
		t.Errorf("the next session ended after %v as %s, want 30s and no-data", got, reason)
	}
}

// TestSeveralTransports: pictures are due from the last transport on that plays.
func TestSeveralTransports(t *testing.T) {
	s := newSession(&rhythm{}, time.Now())
	s.now = s.now.Add(3 * time.Second)
	s.begin(s.now)
	if got, _ := s.end(t); got != 5*time.Second {
		t.Errorf("ended %v after the second transport, want 5s", got)
	}
}

// gop lets pictures come for a time, with a keyframe in front.
func (s *session) gop(d time.Duration) {
	s.picture(mixer.Packet{Key: true}, s.now)
	for end := s.now.Add(d - 100*time.Millisecond); s.now.Before(end); {
		s.now = s.now.Add(100 * time.Millisecond)
		s.picture(mixer.Packet{}, s.now)
	}
	s.now = s.now.Add(100 * time.Millisecond)
}

// lose lets a picture come after a loss, and more for a time d, and tells whether the session is ended for a keyframe then. The
// mixer last requested one a time ago.
func (s *session) lose(d, ago time.Duration) bool {
	s.picture(mixer.Packet{Lost: true}, s.now)
	for end := s.now.Add(d); s.now.Before(end); {
		s.now = s.now.Add(100 * time.Millisecond)
		s.picture(mixer.Packet{}, s.now)
	}
	ended, _ := s.check(s.now, s.now.Add(-ago))
	return ended != nil && ended.Reason == mixer.ReasonNoKeyframe
}

func TestWhenASessionIsEndedForAKeyframe(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		gops      []time.Duration
		lost, ago time.Duration
		want      bool
	}{
		"a long GOP":                           {[]time.Duration{20 * s, 20 * s}, 2 * s, s, true},
		"a long GOP, but it is early":          {[]time.Duration{20 * s, 20 * s}, s, s, false},
		"nobody needs a keyframe":              {[]time.Duration{20 * s, 20 * s}, 2 * s, 2 * s, false},
		"a short GOP":                          {[]time.Duration{2 * s, 2 * s, 2 * s}, s, s, false},
		"a short GOP, whose keyframe was lost": {[]time.Duration{2 * s, 2 * s, 2 * s}, 3 * s, s, true},
		"the first GOP":                        {[]time.Duration{s}, 2 * s, s, false},
		"the first GOP, later":                 {[]time.Duration{s}, 4 * s, s, true},
		"no keyframe in this session":          {nil, 10 * s, s, false},
	} {
		one := newSession(&rhythm{}, time.Now())
		for _, d := range c.gops {
			one.gop(d)
		}
		if got := one.lose(c.lost, c.ago); got != c.want {
			t.Errorf("%s: ended %v, want %v", name, got, c.want)
		}
	}
}

// TestKeyframesAreFetchedSeldom: at most once in 30 s, over all sessions.
func TestKeyframesAreFetchedSeldom(t *testing.T) {
	r := &rhythm{}
	ended, start := 0, time.Now()
	for now := start; now.Sub(start) < 95*time.Second; {
		s := newSession(r, now)
		s.gop(time.Second)
		for s.now.Sub(start) < 95*time.Second {
			if s.lose(time.Second, 0) {
				ended++
				break
			}
		}
		now = s.now
	}
	if ended != 4 {
		t.Errorf("%d sessions in 95 s were ended for a keyframe, want 4", ended)
	}
}
