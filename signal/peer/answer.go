package peer

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// answers is an interceptor that keeps what was sent last and sends again what is asked for, as a stream of
// repetitions (RTX, RFC 4588) where the client takes one. Payloads are kept as they are, since all viewers of a
// rendition share them and nobody writes to them: a copy for each took 1.5 MiB a viewer. Safe for concurrent use.
type answers struct {
	interceptor.NoOp

	mu      sync.Mutex
	streams map[uint32]*sentStream // by SSRC
}

// answersFactory makes one for each connection.
type answersFactory struct{}

// NewInterceptor implements interceptor.Factory.
func (answersFactory) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &answers{streams: map[uint32]*sentStream{}}, nil
}

// BindLocalStream keeps the packets of a stream whose receiver may ask for lost ones.
func (a *answers) BindLocalStream(info *interceptor.StreamInfo, writer interceptor.RTPWriter) interceptor.RTPWriter {
	if !repairs(info) {
		return writer
	}
	s := &sentStream{info: info, writer: writer, past: make([]sentPacket, resendsKept), repeats: uint16(rand.Uint32())}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.streams[info.SSRC] = s
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
func (a *answers) UnbindLocalStream(info *interceptor.StreamInfo) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.streams, info.SSRC)
}

// BindRTCPReader answers requests as they are read. They come through [resends], which leaves what makes sense.
func (a *answers) BindRTCPReader(reader interceptor.RTCPReader) interceptor.RTCPReader {
	return interceptor.RTCPReaderFunc(func(b []byte, attributes interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, attributes, err := reader.Read(b, attributes)
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
		for _, p := range packets {
			if request, ok := p.(*rtcp.TransportLayerNack); ok {
				a.answer(request)
			}
		}
		return n, attributes, nil
	})
}

func (a *answers) answer(request *rtcp.TransportLayerNack) {
	a.mu.Lock()
	s := a.streams[request.MediaSSRC]
	a.mu.Unlock()
	if s == nil {
		return
	}
	for _, pair := range request.Nacks {
		for _, seq := range pair.PacketList() {
			s.again(seq)
		}
	}
}

// sentStream is one stream of ours: it writes, and remembers.
type sentStream struct {
	info   *interceptor.StreamInfo
	writer interceptor.RTPWriter

	mu      sync.Mutex
	past    []sentPacket // by sequence number
	repeats uint16       // the last sequence number of the stream of repetitions
}

// sentPacket is one that was sent; headerSize is zero before the first in its place.
type sentPacket struct {
	payload    []byte
	header     [headerMost]byte // as it went out
	headerSize uint8
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
	p.headerSize, p.payload = uint8(n), payload
}

// again sends a packet once more. An error is the network's, as of any packet.
func (s *sentStream) again(seq uint16) {
	h, payload, ok := s.repetition(seq)
	if ok {
		_, _ = s.writer.Write(&h, payload, interceptor.Attributes{})
	}
}

// repetition is the packet that brings seq again, false when it is past. Where there is no stream of repetitions it is
// what was sent, bit by bit: SRTP must not encrypt two packets with one number.
func (s *sentStream) repetition(seq uint16) (h rtp.Header, payload []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.past[seq%resendsKept] // a copy, which the header's extensions lie in
	if _, err := h.Unmarshal(p.header[:p.headerSize]); err != nil || h.SequenceNumber != seq {
		return h, nil, false
	}
	if s.info.SSRCRetransmission == 0 || s.info.PayloadTypeRetransmission == 0 {
		return h, p.payload, true
	}
	s.repeats++
	h.SSRC, h.PayloadType, h.SequenceNumber = s.info.SSRCRetransmission, s.info.PayloadTypeRetransmission, s.repeats
	return h, append(binary.BigEndian.AppendUint16(nil, seq), p.payload...), true // RFC 4588, section 4
}
