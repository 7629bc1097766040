package peer

import (
	"time"

	"github.com/pion/rtcp"
)

// notice is what one receiver report says about the picture (RFC 3550, section 6.4.1).
type notice struct {
	at     time.Time
	lost   float64       // share of the packets since the notice before
	newest uint32        // extended sequence number of the newest packet
	echo   uint32        // names the sender report that is answered; zero: none
	rtt    time.Duration // from that report to this one, less what the viewer kept it for; with echo
}

func readNotice(r rtcp.ReceptionReport, at time.Time) notice {
	n := notice{at: at, lost: float64(r.FractionLost) / 256, newest: r.LastSequenceNumber}
	trip := int32(middle(at) - r.LastSenderReport - r.Delay)
	if r.LastSenderReport != 0 && trip >= 0 { // negative: our clock was set back
		n.echo, n.rtt = r.LastSenderReport, time.Duration(trip)*time.Second>>16
	}
	return n
}

// middle is the middle 32 bits of an NTP time: seconds since 1900 as 16.16.
func middle(t time.Time) uint32 { return uint32(ntp(t) >> 16) }

const (
	maxLeap  = 1 << 15          // packets between two reports; more is another stream
	leastFor = 30 * time.Second // half of the time for which the least round trip counts: routes change
	fewSent  = 10               // packets in a report: of fewer, it is not our pictures that fill a queue
)

// link is what the reports of one viewer tell about its network. The zero link knows nothing.
type link struct {
	last notice        // at is zero before the first
	gap  time.Duration // between the last two; zero after a silence
	sent uint32        // packets that the last is about

	// The window: what came since it was judged.
	since         time.Time
	packets, lost float64

	least   [2]time.Duration // round trip of this half of the time, and of the one before; zero: unknown
	turned  time.Time        // when this half began
	queue   [2]time.Duration // how long the newest sender reports waited on the way, newest first
	sampled bool             // the last notice brought a new one
}

// add takes the next notice; false means that it cannot be compared with the one before: there was none, the
// stream is another, or it comes after a silence, whose losses say nothing about how much the network carries.
func (k *link) add(n notice) bool {
	gap, sent := n.at.Sub(k.last.at), n.newest-k.last.newest
	goesOn := !k.last.at.IsZero() && sent < maxLeap && (k.gap == 0 || gap <= 2*k.gap+2*time.Second)
	if !goesOn {
		gap, sent = 0, 0
		k.clear(n.at)
	}
	k.gap, k.sent = gap, sent
	k.packets += float64(sent)
	k.lost += n.lost * float64(sent)
	if k.sampled = n.echo != 0 && n.echo != k.last.echo; k.sampled {
		k.sample(n)
	}
	k.last = n
	return goesOn
}

// sample compares a round trip with the least there was lately: what is more was spent in queues.
func (k *link) sample(n notice) {
	if n.at.Sub(k.turned) >= leastFor {
		k.least, k.turned = [2]time.Duration{0, k.least[0]}, n.at
	}
	trip := max(n.rtt, 1)
	if k.least[0] == 0 || trip < k.least[0] {
		k.least[0] = trip
	}
	base := k.least[0]
	if k.least[1] != 0 {
		base = min(base, k.least[1])
	}
	k.queue = [2]time.Duration{trip - base, k.queue[0]}
}

// clear begins a new window.
func (k *link) clear(at time.Time) { k.since, k.packets, k.lost = at, 0, 0 }

// loss is the share that was lost in the window.
func (k *link) loss() float64 { return k.lost / max(k.packets, 1) }

// stuck tells whether the last notice says that packets wait longer than d, and not ever shorter: a queue that
// drains is no reason to send less.
func (k *link) stuck(d time.Duration) bool {
	const drains = 50 * time.Millisecond
	return k.sampled && k.sent >= fewSent && k.queue[0] > d && k.queue[0] > k.queue[1]-drains
}

// fluent tells whether one of the newest two packets waited for less than d; a radio makes single ones wait.
func (k *link) fluent(d time.Duration) bool { return min(k.queue[0], k.queue[1]) < d }
