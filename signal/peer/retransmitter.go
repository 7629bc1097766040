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

// A lost packet is retransmitted maxResends times, and not again within a round trip: the last one may still arrive. A
// client that sends a NACK every 100 ms while packets queue for 300 ms would get each packet three times, which keeps a
// link full for good even at a low rate.
const (
	maxResends          = 3
	minResendInterval   = 20 * time.Millisecond
	resendIntervalNoRTT = 100 * time.Millisecond // while the round trip is unknown
)

// historySize is how many packets of a stream are kept for retransmission; a power of two.
const historySize = 1024

// retransmitter is an interceptor that keeps the last packets and retransmits those that a NACK names (RFC 4585, section
// 6.2.1), in a stream of retransmissions (RTX, RFC 4588) if the client negotiated one. Payloads are kept without a copy,
// since all viewers of a rendition share them and they are read-only: copies took 1.5 MiB a viewer. Each connection has
// one, which is its own factory. Safe for concurrent use.
type retransmitter struct {
	interceptor.NoOp

	mu       sync.Mutex
	rtxTypes map[uint8]uint8        // payload types of RTX, by the payload types that they repeat
	rtt      time.Duration          // the newest; zero: unknown
	streams  map[uint32]*sentStream // by SSRC
}

func newRetransmitter() *retransmitter { return &retransmitter{streams: map[uint32]*sentStream{}} }

// NewInterceptor implements interceptor.Factory.
func (r *retransmitter) NewInterceptor(string) (interceptor.Interceptor, error) { return r, nil }

// setRTXTypes sets the payload types of RTX, by the payload types that they repeat.
func (r *retransmitter) setRTXTypes(types map[uint8]uint8) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rtxTypes = types
}

// BindLocalStream keeps the packets of a stream whose receiver may send NACKs.
func (r *retransmitter) BindLocalStream(info *interceptor.StreamInfo, writer interceptor.RTPWriter) interceptor.RTPWriter {
	if !hasNACK(info) {
		return writer
	}
	s := &sentStream{
		rtxSSRC: info.SSRCRetransmission, writer: writer, history: make([]sentPacket, historySize), rtxSequence: uint16(rand.Uint32()),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.streams[info.SSRC] = s
	return s
}

func hasNACK(info *interceptor.StreamInfo) bool {
	for _, f := range info.RTCPFeedback {
		if f.Type == "nack" && f.Parameter == "" {
			return true
		}
	}
	return false
}

// UnbindLocalStream forgets a stream.
func (r *retransmitter) UnbindLocalStream(info *interceptor.StreamInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.streams, info.SSRC)
}

// BindRTCPReader answers NACKs as they are read. A compound packet is read once for each track that it is about; the
// second reading of a NACK falls into the interval after the first, and is ignored.
func (r *retransmitter) BindRTCPReader(reader interceptor.RTCPReader) interceptor.RTCPReader {
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
		r.onRTCP(packets, time.Now())
		return n, attributes, nil
	})
}

func (r *retransmitter) onRTCP(packets []rtcp.Packet, now time.Time) {
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.ReceiverReport:
			r.updateRTT(p.Reports, now)
		case *rtcp.SenderReport:
			r.updateRTT(p.Reports, now)
		case *rtcp.TransportLayerNack:
			r.onNACK(p, now)
		}
	}
}

func (r *retransmitter) updateRTT(reports []rtcp.ReceptionReport, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, report := range reports {
		if parsed := parseReport(report, now); parsed.echo != 0 {
			r.rtt = parsed.rtt
		}
	}
}

func (r *retransmitter) onNACK(request *rtcp.TransportLayerNack, now time.Time) {
	r.mu.Lock()
	s, how := r.streams[request.MediaSSRC], resendTerms{rtxTypes: r.rtxTypes, now: uint32(now.UnixMilli()), interval: r.interval()}
	r.mu.Unlock()
	if s == nil {
		return
	}
	for _, pair := range request.Nacks {
		for _, seq := range pair.PacketList() {
			s.resend(seq, how)
		}
	}
}

// interval is the least time between two retransmissions of a packet, in milliseconds; r.mu is held.
func (r *retransmitter) interval() uint32 {
	if r.rtt <= 0 {
		return uint32(resendIntervalNoRTT.Milliseconds())
	}
	return uint32(max(r.rtt, minResendInterval).Milliseconds())
}

// resendTerms are the state of the connection that the answer to a NACK depends on. Times are in milliseconds.
type resendTerms struct {
	rtxTypes      map[uint8]uint8
	now, interval uint32
}

// sentStream is one stream of ours with its last packets.
type sentStream struct {
	rtxSSRC uint32 // zero without RTX
	writer  interceptor.RTPWriter

	mu          sync.Mutex
	history     []sentPacket // by sequence number modulo historySize
	rtxSequence uint16       // sequence number of the last RTX packet
}

// sentPacket is one that was sent; headerSize is zero in an empty entry of the history.
type sentPacket struct {
	payload    []byte
	header     [maxHeader]byte // as it was sent
	headerSize uint8
	resends    uint8
	resentAt   uint32 // the last time, in milliseconds
}

// maxHeader is enough for our headers, which have 20 bytes with one small extension (RFC 8285, section 4.2).
const maxHeader = 32

// Write implements interceptor.RTPWriter.
func (s *sentStream) Write(h *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
	s.store(h, payload)
	return s.writer.Write(h, payload, a)
}

func (s *sentStream) store(h *rtp.Header, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.history[h.SequenceNumber%historySize]
	n, err := h.MarshalTo(p.header[:])
	if err != nil { // the header is too long; the packet cannot be retransmitted
		n, payload = 0, nil
	}
	p.headerSize, p.payload, p.resends = uint8(n), payload, 0
}

// resend retransmits a packet, if the terms allow it. A failed write is ignored, as with any packet.
func (s *sentStream) resend(seq uint16, how resendTerms) {
	if h, payload, ok := s.retransmission(seq, how); ok {
		_, _ = s.writer.Write(&h, payload, interceptor.Attributes{})
	}
}

// retransmission is the packet that repeats seq. It is false when seq is no longer in the history, or was retransmitted
// too often or too recently. Without RTX it is the packet that was sent, bit by bit: SRTP must not encrypt two different
// packets with one sequence number.
func (s *sentStream) retransmission(seq uint16, how resendTerms) (h rtp.Header, payload []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.history[seq%historySize]
	sent := p.header // a copy: the extensions of h point into it
	if _, err := h.Unmarshal(sent[:p.headerSize]); err != nil || h.SequenceNumber != seq {
		return h, nil, false
	}
	if p.resends >= maxResends || p.resends > 0 && how.now-p.resentAt < how.interval {
		return h, nil, false
	}
	p.resends, p.resentAt = p.resends+1, how.now
	rtxType := how.rtxTypes[h.PayloadType]
	if s.rtxSSRC == 0 || rtxType == 0 {
		return h, p.payload, true
	}
	s.rtxSequence++
	h.SSRC, h.PayloadType, h.SequenceNumber = s.rtxSSRC, rtxType, s.rtxSequence
	return h, append(binary.BigEndian.AppendUint16(nil, seq), p.payload...), true // RFC 4588, section 4
}
