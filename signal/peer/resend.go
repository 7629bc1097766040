package peer

import (
	"slices"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// How often a lost packet is sent again at most, and how long after the last time at least: what was sent a round trip
// ago may still come. A client that asks every 100 ms while packets wait for 300 would get all of them three times,
// which keeps a link full for good, however little is sent otherwise.
const (
	resendMost  = 3
	resendLeast = 20 * time.Millisecond
	resendFirst = 100 * time.Millisecond // while the round trip is unknown
)

// resends is an interceptor that takes out of the requests for lost packets (NACK, RFC 4585, section 6.2.1) what was
// answered already. It stands before [answers]. A compound packet is read once for each track that it is
// about; the second request in it is out of sense too. Safe for concurrent use.
type resends struct {
	interceptor.NoOp

	mu   sync.Mutex
	trip time.Duration // the newest round trip; zero: unknown
	past []resend      // by sequence number; nil before the first request
}

// resend is what was sent again lately.
type resend struct {
	ssrc  uint32
	seq   uint16
	times uint8
	at    uint32 // in milliseconds
}

// resendsKept is how many packets are kept for being sent again; a power of two.
const resendsKept = 1024

// resendsFactory makes one for each connection.
type resendsFactory struct{}

// NewInterceptor implements interceptor.Factory.
func (resendsFactory) NewInterceptor(string) (interceptor.Interceptor, error) { return &resends{}, nil }

// BindRTCPReader leaves in the attributes, where the others look, what is to be answered.
func (r *resends) BindRTCPReader(reader interceptor.RTCPReader) interceptor.RTCPReader {
	return interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, attributes, err := reader.Read(b, a)
		if err != nil {
			return n, attributes, err
		}
		if attributes == nil {
			attributes = interceptor.Attributes{}
		}
		packets, err := attributes.GetRTCPPackets(b[:n])
		if err != nil {
			return n, attributes, err
		}
		r.take(packets, time.Now())
		return n, attributes, nil
	})
}

func (r *resends) take(packets []rtcp.Packet, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.ReceiverReport:
			r.measure(p.Reports, now)
		case *rtcp.SenderReport:
			r.measure(p.Reports, now)
		case *rtcp.TransportLayerNack:
			r.sift(p, now)
		}
	}
}

func (r *resends) measure(reports []rtcp.ReceptionReport, now time.Time) {
	for _, report := range reports {
		if n := readNotice(report, now); n.echo != 0 {
			r.trip = n.rtt
		}
	}
}

// sift leaves in a request what is to be sent again.
func (r *resends) sift(p *rtcp.TransportLayerNack, now time.Time) {
	var wanted []uint16
	for _, pair := range p.Nacks {
		wanted = append(wanted, pair.PacketList()...)
	}
	wanted = slices.DeleteFunc(wanted, func(seq uint16) bool { return !r.again(p.MediaSSRC, seq, now) })
	p.Nacks = rtcp.NackPairsFromSequenceNumbers(wanted)
}

// again tells whether a packet is to be sent again, and notes that it is.
func (r *resends) again(ssrc uint32, seq uint16, now time.Time) bool {
	if r.past == nil {
		r.past = make([]resend, resendsKept)
	}
	wait, ms := resendFirst, uint32(now.UnixMilli())
	if r.trip > 0 {
		wait = max(r.trip, resendLeast)
	}
	last := &r.past[seq%resendsKept]
	if last.ssrc != ssrc || last.seq != seq {
		*last = resend{ssrc: ssrc, seq: seq}
	}
	if last.times >= resendMost || last.times > 0 && ms-last.at < uint32(wait.Milliseconds()) {
		return false
	}
	last.times, last.at = last.times+1, ms
	return true
}
