package peer

import (
	"math/rand/v2"
	"time"

	"azulejo/mixer"
)

// standard are the rungs of a room that says nothing about them.
var standard = []mixer.Rung{
	{Size: mixer.Size{W: 1280, H: 720}, Bitrate: 2_000_000},
	{Size: mixer.Size{W: 640, H: 360}, Bitrate: 707_000},
	{Size: mixer.Size{W: 320, H: 180}, Bitrate: 250_000},
}

// world is a network with one viewer, in steps of four milliseconds: a queue of a length in bytes in front of a link
// that loses some at random, sender and receiver reports, and what was lost sent once more.
type world struct {
	capacity float64       // bits a second
	buffer   time.Duration // that the queue takes at that capacity
	delay    time.Duration // each way, without the queue
	random   float64       // share lost on the link
	busy     float64       // share of what the rung may take
	dice     *rand.Rand

	now    time.Duration
	rung   int // that is sent
	next   int // is sent from due on
	due    time.Duration
	ladder ladder
	moves  []move

	queue   []sending
	backlog int
	spare   float64 // bits that the link may send now
	flights []sending
	seq     uint32
	owed    float64 // bytes of pictures
	sent    []sending

	newest, reported uint32 // sequence numbers
	received         int
	echo             uint32
	echoed           time.Duration
}

// move is one that the ladder made.
type move struct {
	at time.Duration
	to int
}

// sending is a packet.
type sending struct {
	seq   uint32 // zero: not of the stream: sound, or sent again
	again uint32 // the packet that this is, sent again
	echo  uint32 // of a sender report
	bytes int
	at    time.Duration // when it is there
}

const step = 4 * time.Millisecond

var origin = time.Date(2024, 2, 3, 4, 5, 6, 700_000_000, time.UTC)

func newWorld(seed uint64, capacity float64, buffer time.Duration) *world {
	return &world{
		capacity: capacity, buffer: buffer, delay: 20 * time.Millisecond, busy: 0.9,
		dice: rand.New(rand.NewPCG(seed, 1)), seq: uint32(65000 + seed),
	}
}

// run lets the time pass.
func (w *world) run(d time.Duration) {
	for end := w.now + d; w.now < end; {
		w.now += step
		ms := w.now.Milliseconds()
		if w.rung != w.next && w.now >= w.due {
			w.rung, w.owed = w.next, w.owed+w.bytes(0.25)
		}
		if ms%40 == 0 {
			w.picture(ms%4000 == 0)
		}
		if ms%20 == 0 {
			w.put(sending{bytes: 280}) // of sound
		}
		if ms%1000 == 0 {
			w.put(sending{echo: middle(w.clock()), bytes: 60})
		}
		w.drain()
		w.arrivals()
		if ms%1000 == 540 {
			w.report()
		}
	}
}

func (w *world) clock() time.Time { return origin.Add(w.now) }

// bytes are those of so many seconds of the rung.
func (w *world) bytes(seconds float64) float64 {
	return float64(standard[w.rung].Bitrate) / 8 * seconds * w.busy
}

// picture sends one of 25 a second; a key picture is as large as ten.
func (w *world) picture(key bool) {
	w.owed += w.bytes(0.04 * 0.91)
	if key {
		w.owed += w.bytes(0.04 * 9)
	}
	for w.owed > 200 {
		n := int(min(w.owed, 1200))
		w.owed -= float64(n)
		w.seq++
		w.put(sending{seq: w.seq, bytes: n})
	}
}

// put queues a packet, unless the queue is full.
func (w *world) put(p sending) {
	if float64(w.backlog+p.bytes) > w.capacity/8*w.buffer.Seconds()+3000 {
		w.lose(p)
		return
	}
	w.backlog += p.bytes
	w.queue = append(w.queue, p)
}

// lose has a packet of the stream asked for again, once.
func (w *world) lose(p sending) {
	if p.seq != 0 {
		w.sent = append(w.sent, sending{again: p.seq, bytes: p.bytes, at: w.now + 3*w.delay})
	}
}

func (w *world) drain() {
	for len(w.sent) > 0 && w.sent[0].at <= w.now {
		again := w.sent[0]
		w.sent = w.sent[1:]
		w.put(again)
	}
	w.spare = min(w.spare+w.capacity*step.Seconds(), max(2*w.capacity*step.Seconds(), 16000))
	for len(w.queue) > 0 && w.spare >= float64(8*w.queue[0].bytes) {
		p := w.queue[0]
		w.queue, w.backlog, w.spare = w.queue[1:], w.backlog-p.bytes, w.spare-float64(8*p.bytes)
		if w.dice.Float64() < w.random {
			w.lose(p)
			continue
		}
		p.at = w.now + w.delay
		w.flights = append(w.flights, p)
	}
}

func (w *world) arrivals() {
	for len(w.flights) > 0 && w.flights[0].at <= w.now {
		p := w.flights[0]
		w.flights = w.flights[1:]
		if p.seq != 0 {
			w.newest = p.seq
			w.received++
		}
		if p.echo != 0 {
			w.echo, w.echoed = p.echo, p.at
		}
	}
}

// report is what the viewer sends once a second; it takes its time.
func (w *world) report() {
	n := notice{at: w.clock().Add(w.delay), newest: w.newest, echo: w.echo}
	if expected := int(w.newest - w.reported); expected > 0 {
		n.lost = max(0, 1-float64(w.received)/float64(expected))
	}
	w.reported, w.received = w.newest, 0
	if w.echo != 0 {
		held := w.now - w.echoed
		n.rtt = time.Duration(int32(middle(n.at)-w.echo))*time.Second>>16 - held
	}
	r := standard[w.rung]
	now := mixer.RenditionStats{Width: r.W, Height: r.H, Bitrate: int(float64(r.Bitrate) * w.busy)}
	if w.ladder.report(n, standard, now) {
		w.next, w.due = w.ladder.place(standard), w.now+time.Duration(100+w.dice.IntN(400))*time.Millisecond
		w.moves = append(w.moves, move{w.now, w.next})
	}
}

// at is the rung that the viewer was led to at a time.
func (w *world) at(t time.Duration) int {
	rung := 0
	for _, m := range w.moves {
		if m.at <= t {
			rung = m.to
		}
	}
	return rung
}

// share is the share of a time spent at a rung.
func (w *world) share(rung int, from, to time.Duration) float64 {
	n := 0.0
	for t := from; t < to; t += 100 * time.Millisecond {
		if w.at(t) == rung {
			n++
		}
	}
	return n / float64((to-from)/(100*time.Millisecond))
}

// ups is the most moves up in a minute, from a time on.
func (w *world) ups(from time.Duration) int {
	most := 0
	for i, m := range w.moves {
		n := 0
		for j, o := range w.moves[i:] {
			if m.at >= from && o.at < m.at+time.Minute && o.to < w.moves[max(i+j-1, 0)].to {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}
