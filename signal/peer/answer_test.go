package peer

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// answering is a stream of a connection whose client asks for what it lost.
type answering struct {
	*answers
	wire   wire
	writer interceptor.RTPWriter
	header rtp.Header // one for all packets, as a binding has it
}

func newAnswering(t *testing.T, info *interceptor.StreamInfo) *answering {
	t.Helper()
	made, err := answersFactory{}.NewInterceptor("")
	if err != nil {
		t.Fatal(err)
	}
	s := &answering{answers: made.(*answers), header: rtp.Header{Version: 2, SSRC: info.SSRC, PayloadType: 96}}
	s.writer = s.BindLocalStream(info, interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
		return s.wire.WriteRTP(h, payload)
	}))
	return s
}

// send writes a packet, with an extension as those have that count for congestion control.
func (s *answering) send(t *testing.T, seq uint16, payload []byte) {
	t.Helper()
	s.header.SequenceNumber, s.header.Timestamp, s.header.Marker = seq, 100*uint32(seq), seq%2 == 0
	s.header.Extension, s.header.Extensions = false, s.header.Extensions[:0]
	if err := s.header.SetExtension(3, binary.BigEndian.AppendUint16(nil, seq)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.writer.Write(&s.header, payload, nil); err != nil {
		t.Fatal(err)
	}
}

// ask reads a request for packets, and returns what came of it.
func (s *answering) ask(t *testing.T, ssrc uint32, lost ...uint16) wire {
	t.Helper()
	s.wire = wire{}
	request := &rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(lost)}
	data, err := request.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	reader := s.BindRTCPReader(interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		return copy(b, data), a, nil
	}))
	if _, _, err := reader.Read(make([]byte, 1500), nil); err != nil {
		t.Fatal(err)
	}
	return s.wire
}

var repairable = []interceptor.RTCPFeedback{{Type: "nack", Parameter: "pli"}, {Type: "nack"}}

func payloadOf(seq uint16) []byte { return bytes.Repeat([]byte{byte(seq)}, 10+int(seq%7)) }

// TestLostPacketsAreRepeated in a stream of their own, with the numbers that they had in front (RFC 4588, section 4).
func TestLostPacketsAreRepeated(t *testing.T) {
	s := newAnswering(t, &interceptor.StreamInfo{SSRC: 7, SSRCRetransmission: 8, PayloadTypeRetransmission: 97, RTCPFeedback: repairable})
	for seq := uint16(65530); seq != 6; seq++ {
		s.send(t, seq, payloadOf(seq))
	}
	lost := []uint16{65533, 2, 3, 900}
	got := s.ask(t, 7, lost...)
	if len(got.headers) != 3 {
		t.Fatalf("%d packets for three that were sent and one that was not", len(got.headers))
	}
	for i, h := range got.headers {
		seq := lost[i]
		if h.SSRC != 8 || h.PayloadType != 97 || h.Timestamp != 100*uint32(seq) || h.Marker != (seq%2 == 0) {
			t.Errorf("packet %d came again as %+v", seq, h)
		}
		if want := binary.BigEndian.AppendUint16(nil, seq); !bytes.Equal(h.GetExtension(3), want) {
			t.Errorf("the extension of packet %d is %x", seq, h.GetExtension(3))
		}
		if want := append(binary.BigEndian.AppendUint16(nil, seq), payloadOf(seq)...); !bytes.Equal(got.payloads[i], want) {
			t.Errorf("packet %d came again with %x; want %x", seq, got.payloads[i], want)
		}
		if i > 0 && h.SequenceNumber != got.headers[i-1].SequenceNumber+1 {
			t.Error("numbers of repetitions have a gap")
		}
	}
	if n := len(s.ask(t, 9, 2).headers); n != 0 {
		t.Errorf("%d packets for another stream", n)
	}
	s.send(t, 2+resendsKept, nil)
	if n := len(s.ask(t, 7, 2).headers); n != 0 {
		t.Error("another packet came instead of one that is past")
	}
	s.UnbindLocalStream(&interceptor.StreamInfo{SSRC: 7})
	if n := len(s.ask(t, 7, 3).headers); n != 0 {
		t.Error("a stream that ended is repeated")
	}
}

// TestRepetitionsAreTheSame where the client takes no stream of them: SRTP encrypts both with one number.
func TestRepetitionsAreTheSame(t *testing.T) {
	s := newAnswering(t, &interceptor.StreamInfo{SSRC: 7, RTCPFeedback: repairable})
	s.send(t, 41, payloadOf(41))
	sent := s.wire
	s.send(t, 42, payloadOf(42))
	got := s.ask(t, 7, 41)
	if len(got.headers) != 1 {
		t.Fatalf("%d packets", len(got.headers))
	}
	first, err1 := sent.headers[0].Marshal()
	again, err2 := got.headers[0].Marshal()
	if err1 != nil || err2 != nil || !bytes.Equal(first, again) || !bytes.Equal(got.payloads[0], payloadOf(41)) {
		t.Errorf("%x %x came again as %x %x", first, sent.payloads[0], again, got.payloads[0])
	}
}

// TestPayloadsAreKeptWithoutACopy: they are the same for all viewers, whose memory is what this is about.
func TestPayloadsAreKeptWithoutACopy(t *testing.T) {
	s := newAnswering(t, &interceptor.StreamInfo{SSRC: 7, RTCPFeedback: repairable})
	payload := payloadOf(5)
	s.send(t, 5, payload)
	if got := s.ask(t, 7, 5); &got.payloads[0][0] != &payload[0] {
		t.Error("the payload was copied")
	}
	if n := testing.AllocsPerRun(100, func() { s.writer.(*sentStream).keep(&s.header, payload) }); n != 0 {
		t.Errorf("%v allocations for a packet", n)
	}
}

// TestSoundIsNotKept, which nobody asks for again.
func TestSoundIsNotKept(t *testing.T) {
	s := newAnswering(t, &interceptor.StreamInfo{SSRC: 7, RTCPFeedback: slices.Clone(repairable[:1])})
	s.send(t, 5, payloadOf(5))
	if n := len(s.ask(t, 7, 5).headers); n != 0 {
		t.Errorf("%d packets", n)
	}
}
