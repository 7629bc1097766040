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

// A packet is retransmitted at most maxResends times. Two retransmissions of a packet are at least one round trip apart,
// because the earlier one may still be on its way. Without this rule, a client that sends a NACK every 100 ms while packets
// queue for 300 ms would get each packet three times. These retransmissions would keep a link full even at a low bitrate.
const (
	maxResends          = 3
	minResendInterval   = 20 * time.Millisecond  // even if the round trip is shorter
	resendIntervalNoRTT = 100 * time.Millisecond // while the round trip is unknown
)

// historySize is how many packets of a stream are kept for retransmission. It is a power of two, so that it divides the
// number of sequence numbers.
const historySize = 1024

// retransmitter is an interceptor that keeps the last sent packets and retransmits the packets that a NACK names (RFC 4585,
// section 6.2.1). Retransmissions are RTX packets (RFC 4588) if the client negotiated RTX. The retransmitter keeps payloads
// without a copy: they are read-only, and all viewers of a rendition share them. Copies took 1.5 MiB for each viewer. Each
// connection has one retransmitter, which is also the interceptor factory of the connection. It is safe for concurrent use.
type retransmitter struct {
	interceptor.NoOp

	mu       sync.Mutex
	rtxTypes map[uint8]uint8        // payload types of RTX, by the payload type that is retransmitted
	rtt      time.Duration          // the newest round trip; zero: unknown
	streams  map[uint32]*sentStream // by SSRC
}

func newRetransmitter() *retransmitter { return &retransmitter{streams: map[uint32]*sentStream{}} }

// NewInterceptor implements interceptor.Factory.
func (r *retransmitter) NewInterceptor(string) (interceptor.Interceptor, error) { return r, nil }

// setRTXTypes sets the payload types of RTX, by the payload type that is retransmitted. It keeps types.
func (r *retransmitter) setRTXTypes(types map[uint8]uint8) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rtxTypes = types
}

// BindLocalStream returns a writer that keeps the packets of a stream, if NACK was negotiated for the stream. Otherwise it
// returns writer.
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

// hasNACK reports whether generic NACKs were negotiated for a stream.
func hasNACK(info *interceptor.StreamInfo) bool {
	for _, f := range info.RTCPFeedback {
		if f.Type == "nack" && f.Parameter == "" {
			return true
		}
	}
	return false
}

// UnbindLocalStream removes a stream and its history.
func (r *retransmitter) UnbindLocalStream(info *interceptor.StreamInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.streams, info.SSRC)
}

// BindRTCPReader returns a reader that also handles the NACKs and reports that it reads. pion delivers a compound packet
// once for each track that the packet is about. So a NACK may be handled twice. The second time has no effect, because it
// comes within the interval after the first retransmission.
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

// updateRTT takes the round trip from reports that answer a sender report.
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
	s := r.streams[request.MediaSSRC]
	c := resendConditions{rtxTypes: r.rtxTypes, now: uint32(now.UnixMilli()), interval: r.interval()}
	r.mu.Unlock()
	if s == nil {
		return
	}
	for _, pair := range request.Nacks {
		for _, seq := range pair.PacketList() {
			s.resend(seq, c)
		}
	}
}

// interval returns the least time between two retransmissions of a packet, in milliseconds. r.mu is held.
func (r *retransmitter) interval() uint32 {
	if r.rtt <= 0 {
		return uint32(resendIntervalNoRTT.Milliseconds())
	}
	return uint32(max(r.rtt, minResendInterval).Milliseconds())
}

// resendConditions is the state of the connection on which a retransmission depends.
type resendConditions struct {
	rtxTypes map[uint8]uint8 // as in retransmitter; read-only
	now      uint32          // the time in milliseconds, modulo 2^32
	interval uint32          // the least time between two retransmissions of a packet, in milliseconds
}

// sentStream is one sent RTP stream with its last packets. It is an interceptor.RTPWriter.
type sentStream struct {
	rtxSSRC uint32 // SSRC of the RTX stream; zero without RTX
	writer  interceptor.RTPWriter

	mu          sync.Mutex
	history     []sentPacket // by sequence number modulo historySize
	rtxSequence uint16       // sequence number of the last RTX packet
}

// sentPacket is one sent packet in the history.
type sentPacket struct {
	payload    []byte
	header     [maxHeader]byte // the RTP header as it was sent
	headerSize uint8           // in bytes; zero: no packet
	resends    uint8           // how often the packet was retransmitted
	resentAt   uint32          // when it was retransmitted last, in milliseconds modulo 2^32
}

// maxHeader is the size of the largest header that is kept, in bytes. Sent headers have 20 bytes, of which 8 are one small
// extension (RFC 8285, section 4.2).
const maxHeader = 32

// Write keeps the packet and writes it to the next writer.
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

// resend retransmits the packet with sequence number seq, if the conditions allow it. It ignores a failed write, because ICE
// decides when the connection is over.
func (s *sentStream) resend(seq uint16, c resendConditions) {
	if h, payload, ok := s.retransmission(seq, c); ok {
		_, _ = s.writer.Write(&h, payload, interceptor.Attributes{})
	}
}

// retransmission returns the packet that repeats the packet with sequence number seq. It is false if the packet is no longer
// in the history, or was retransmitted too often or too recently. Without RTX the result is bit for bit the sent packet,
// because SRTP must not encrypt two different packets with one sequence number.
func (s *sentStream) retransmission(seq uint16, c resendConditions) (h rtp.Header, payload []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.history[seq%historySize]
	sent := p.header // a copy, because the extensions of h refer to these bytes
	if _, err := h.Unmarshal(sent[:p.headerSize]); err != nil || h.SequenceNumber != seq {
		return h, nil, false
	}
	if p.resends >= maxResends || p.resends > 0 && c.now-p.resentAt < c.interval {
		return h, nil, false
	}
	p.resends, p.resentAt = p.resends+1, c.now
	rtxType := c.rtxTypes[h.PayloadType]
	if s.rtxSSRC == 0 || rtxType == 0 {
		return h, p.payload, true
	}
	s.rtxSequence++
	h.SSRC, h.PayloadType, h.SequenceNumber = s.rtxSSRC, rtxType, s.rtxSequence
	return h, append(binary.BigEndian.AppendUint16(nil, seq), p.payload...), true // RFC 4588, section 4
}
