package peer

import (
	"math/rand/v2"
	"time"

	"azulejo/mixer"
)

// standard are the default rungs of a room.
var standard = []mixer.Rung{
	{Size: mixer.Size{W: 1280, H: 720}, Bitrate: 2_000_000},
	{Size: mixer.Size{W: 640, H: 360}, Bitrate: 707_000},
	{Size: mixer.Size{W: 320, H: 180}, Bitrate: 250_000},
}

// networkModel simulates a network with one viewer in steps of 4 ms: a queue of a length in bytes in front of a link with
// random loss, sender and receiver reports, and one retransmission of each lost packet.
type networkModel struct {
	capacity float64       // bits a second
	buffer   time.Duration // that the queue takes at that capacity
	delay    time.Duration // each way, without the queue
	random   float64       // share lost on the link
	busy     float64       // share of what the rung may take
	dice     *rand.Rand

	now        time.Duration
	rung       int // that is sent
	next       int // is sent from due on
	due        time.Duration
	controller rungController
	moves      []move

	queue   []packet
	backlog int
	spare   float64  // bits that the link may send now
	flights []packet // left the queue and have not arrived
	seq     uint32
	owed    float64 // bytes of video that are not sent yet
	resends []packet

	newest, reported uint32 // sequence numbers
	received         int
	echo             uint32
	echoed           time.Duration
}

// move is a decision of the controller.
type move struct {
	at time.Duration
	to int
}

// packet is one of the stream, or other traffic.
type packet struct {
	seq   uint32 // zero: not of the video stream: audio, a report or a retransmission
	again uint32 // sequence number of the packet that it retransmits
	echo  uint32 // of a sender report
	bytes int
	at    time.Duration // when it arrives
}

const step = 4 * time.Millisecond

var origin = time.Date(2024, 2, 3, 4, 5, 6, 700_000_000, time.UTC)

func newModel(seed uint64, capacity float64, buffer time.Duration) *networkModel {
	return &networkModel{
		capacity: capacity, buffer: buffer, delay: 20 * time.Millisecond, busy: 0.9,
		dice: rand.New(rand.NewPCG(seed, 1)), seq: uint32(65000 + seed),
	}
}

// run simulates a time.
func (w *networkModel) run(d time.Duration) {
	for end := w.now + d; w.now < end; {
		w.now += step
		ms := w.now.Milliseconds()
		if w.rung != w.next && w.now >= w.due {
			w.rung, w.owed = w.next, w.owed+w.bytes(0.25)
		}
		if ms%40 == 0 {
			w.sendFrame(ms%4000 == 0)
		}
		if ms%20 == 0 {
			w.push(packet{bytes: 280}) // audio
		}
		if ms%1000 == 0 {
			w.push(packet{echo: shortNTP(w.clock()), bytes: 60})
		}
		w.drain()
		w.arrivals()
		if ms%1000 == 540 {
			w.report()
		}
	}
}

func (w *networkModel) clock() time.Time { return origin.Add(w.now) }

// bytes is the size of so many seconds of the rung.
func (w *networkModel) bytes(seconds float64) float64 {
	return float64(standard[w.rung].Bitrate) / 8 * seconds * w.busy
}

// sendFrame sends one of 25 frames a second. A keyframe is as large as ten frames.
func (w *networkModel) sendFrame(key bool) {
	w.owed += w.bytes(0.04 * 0.91)
	if key {
		w.owed += w.bytes(0.04 * 9)
	}
	for w.owed > 200 {
		n := int(min(w.owed, 1200))
		w.owed -= float64(n)
		w.seq++
		w.push(packet{seq: w.seq, bytes: n})
	}
}

// push queues a packet, or drops it when the queue is full.
func (w *networkModel) push(p packet) {
	if float64(w.backlog+p.bytes) > w.capacity/8*w.buffer.Seconds()+3000 {
		w.lose(p)
		return
	}
	w.backlog += p.bytes
	w.queue = append(w.queue, p)
}

// lose schedules the retransmission of a lost packet. Retransmissions are not repeated.
func (w *networkModel) lose(p packet) {
	if p.seq != 0 {
		w.resends = append(w.resends, packet{again: p.seq, bytes: p.bytes, at: w.now + 3*w.delay})
	}
}

func (w *networkModel) drain() {
	for len(w.resends) > 0 && w.resends[0].at <= w.now {
		again := w.resends[0]
		w.resends = w.resends[1:]
		w.push(again)
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

func (w *networkModel) arrivals() {
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

// report gives the controller the receiver report that the viewer sends once a second. A move takes 100 to 500 ms.
func (w *networkModel) report() {
	r := receiverReport{received: w.clock().Add(w.delay), newest: w.newest, echo: w.echo}
	if expected := int(w.newest - w.reported); expected > 0 {
		r.lostShare = max(0, 1-float64(w.received)/float64(expected))
	}
	w.reported, w.received = w.newest, 0
	if w.echo != 0 {
		held := w.now - w.echoed
		r.rtt = time.Duration(int32(shortNTP(r.received)-w.echo))*time.Second>>16 - held
	}
	rung := standard[w.rung]
	now := mixer.RenditionStats{Width: rung.W, Height: rung.H, Bitrate: int(float64(rung.Bitrate) * w.busy)}
	if w.controller.onReport(r, standard, now) {
		w.next, w.due = w.controller.index(standard), w.now+time.Duration(100+w.dice.IntN(400))*time.Millisecond
		w.moves = append(w.moves, move{w.now, w.next})
	}
}

// at is the rung that the controller had chosen at a time.
func (w *networkModel) at(t time.Duration) int {
	rung := 0
	for _, m := range w.moves {
		if m.at <= t {
			rung = m.to
		}
	}
	return rung
}

// share is the share of the time from..to that was spent at a rung.
func (w *networkModel) share(rung int, from, to time.Duration) float64 {
	n := 0.0
	for t := from; t < to; t += 100 * time.Millisecond {
		if w.at(t) == rung {
			n++
		}
	}
	return n / float64((to-from)/(100*time.Millisecond))
}

// ups is the highest number of moves up in any minute after a time.
func (w *networkModel) ups(from time.Duration) int {
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
