package peer

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// How often a lost packet is sent again at most, and how long after the last time at least: what was sent a round trip
// ago may still come. A client that asks every 100 ms while packets wait for 300 would get all of them three times,
// which keeps a link full for good, however little is sent otherwise.
const (
	resendMost  = 3
	resendLeast = 20 * time.Millisecond
	resendFirst = 100 * time.Millisecond // while the round trip is unknown
)

// resendsKept is how many packets of a stream are kept for being sent again; a power of two.
const resendsKept = 1024

// resends is an interceptor that keeps what was sent last and sends again what is asked for (NACK, RFC 4585, section
// 6.2.1), as a stream of repetitions (RTX, RFC 4588) where the client takes one. Payloads are kept as they are, since
// all viewers of a rendition share them and nobody writes to them: a copy for each took 1.5 MiB a viewer. It makes
// itself, as the one of its connection. Safe for concurrent use.
type resends struct {
	interceptor.NoOp

	mu      sync.Mutex
	as      map[uint8]uint8        // payload types of repetitions, by those of what they repeat
	trip    time.Duration          // the newest round trip; zero: unknown
	streams map[uint32]*sentStream // by SSRC
}

func newResends() *resends { return &resends{streams: map[uint32]*sentStream{}} }

// NewInterceptor implements interceptor.Factory.
func (r *resends) NewInterceptor(string) (interceptor.Interceptor, error) { return r, nil }

// repeat has packets repeated as these payload types, by their own, from now on.
func (r *resends) repeat(as map[uint8]uint8) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.as = as
}

// BindLocalStream keeps the packets of a stream whose receiver may ask for lost ones.
func (r *resends) BindLocalStream(info *interceptor.StreamInfo, writer interceptor.RTPWriter) interceptor.RTPWriter {
	if !repairs(info) {
		return writer
	}
	s := &sentStream{
		ssrc: info.SSRCRetransmission, writer: writer, past: make([]sentPacket, resendsKept), last: uint16(rand.Uint32()),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams[info.SSRC] = s
	return s
}

func repairs(info *interceptor.StreamInfo) bool {
	for _, f := range info.RTCPFeedback {
		if f.Type == "nack" && f.Parameter == "" {
			return true
		}
	}
	return false
}

// UnbindLocalStream forgets a stream.
func (r *resends) UnbindLocalStream(info *interceptor.StreamInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.streams, info.SSRC)
}

// BindRTCPReader answers requests as they are read. A compound packet is read once for each track that it is about;
// the second request in it comes too soon after the first.
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
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.ReceiverReport:
			r.measure(p.Reports, now)
		case *rtcp.SenderReport:
			r.measure(p.Reports, now)
		case *rtcp.TransportLayerNack:
			r.answer(p, now)
		}
	}
}

func (r *resends) measure(reports []rtcp.ReceptionReport, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, report := range reports {
		if n := readNotice(report, now); n.echo != 0 {
			r.trip = n.rtt
		}
	}
}

func (r *resends) answer(request *rtcp.TransportLayerNack, now time.Time) {
	r.mu.Lock()
	s, how := r.streams[request.MediaSSRC], terms{as: r.as, now: uint32(now.UnixMilli()), wait: r.wait()}
	r.mu.Unlock()
	if s == nil {
		return
	}
	for _, pair := range request.Nacks {
		for _, seq := range pair.PacketList() {
			s.again(seq, how)
		}
	}
}

// wait is how long nothing is sent once more; r.mu is held.
func (r *resends) wait() uint32 {
	if r.trip <= 0 {
		return uint32(resendFirst.Milliseconds())
	}
	return uint32(max(r.trip, resendLeast).Milliseconds())
}

// terms are how a request is answered: with repetitions of which payload types, and when, in milliseconds.
type terms struct {
	as        map[uint8]uint8
	now, wait uint32
}

// sentStream is one stream of ours: it writes, and remembers.
type sentStream struct {
	ssrc   uint32 // of its repetitions; zero for none
	writer interceptor.RTPWriter

	mu   sync.Mutex
	past []sentPacket // by sequence number
	last uint16       // sequence number of the last repetition
}

// sentPacket is one that was sent; headerSize is zero before the first in its place.
type sentPacket struct {
	payload    []byte
	header     [headerMost]byte // as it went out
	headerSize uint8
	times      uint8  // sent again
	at         uint32 // the last of these, in milliseconds
}

// headerMost is room for our headers, which have 20 bytes: one small extension at most (RFC 8285, section 4.2).
const headerMost = 32

// Write implements interceptor.RTPWriter.
func (s *sentStream) Write(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
	s.keep(h, payload)
	return s.writer.Write(h, payload, a)
}

func (s *sentStream) keep(h *rtp.Header, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.past[h.SequenceNumber%resendsKept]
	n, err := h.MarshalTo(p.header[:])
	if err != nil { // it has no room
		n, payload = 0, nil
	}
	p.headerSize, p.payload, p.times = uint8(n), payload, 0
}

// again sends a packet once more, if that makes sense. An error is the network's, as of any packet.
func (s *sentStream) again(seq uint16, how terms) {
	if h, payload, ok := s.repetition(seq, how); ok {
		_, _ = s.writer.Write(&h, payload, interceptor.Attributes{})
	}
}

// repetition is the packet that brings seq again; false when it is past, or was repeated enough. Where there is no
// stream of repetitions it is what was sent, bit by bit: SRTP must not encrypt two packets with one number.
func (s *sentStream) repetition(seq uint16, how terms) (h rtp.Header, payload []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.past[seq%resendsKept]
	sent := p.header // a copy, which the header's extensions lie in
	if _, err := h.Unmarshal(sent[:p.headerSize]); err != nil || h.SequenceNumber != seq {
		return h, nil, false
	}
	if p.times >= resendMost || p.times > 0 && how.now-p.at < how.wait {
		return h, nil, false
	}
	p.times, p.at = p.times+1, how.now
	as := how.as[h.PayloadType]
	if s.ssrc == 0 || as == 0 {
		return h, p.payload, true
	}
	s.last++
	h.SSRC, h.PayloadType, h.SequenceNumber = s.ssrc, as, s.last
	return h, append(binary.BigEndian.AppendUint16(nil, seq), p.payload...), true // RFC 4588, section 4
}
