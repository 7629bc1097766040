package peer

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// retransmitting is a stream of a connection whose client sends NACKs.
type retransmitting struct {
	*retransmitter
	now    time.Time
	wire   fakeWriter
	writer interceptor.RTPWriter
	header rtp.Header // one for all packets, as in a binding
}

// newRetransmitting repeats payload type 96 as 97 and 98 as 99.
func newRetransmitting(t *testing.T, info *interceptor.StreamInfo) *retransmitting {
	t.Helper()
	s := &retransmitting{retransmitter: newRetransmitter(), now: origin, header: rtp.Header{Version: 2, SSRC: info.SSRC, PayloadType: 96}}
	s.setRTXTypes(map[uint8]uint8{96: 97, 98: 99})
	s.writer = s.BindLocalStream(info, interceptor.RTPWriterFunc(func(h *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
		return s.wire.WriteRTP(h, payload)
	}))
	return s
}

// send writes a packet with an extension, as congestion control adds it.
func (s *retransmitting) send(t *testing.T, seq uint16, payload []byte) {
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

// nack requests packets and returns the retransmissions.
func (s *retransmitting) nack(ssrc uint32, lost ...uint16) fakeWriter {
	s.wire = fakeWriter{}
	s.onRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(lost)}}, s.now)
	return s.wire
}

var repairable = []interceptor.RTCPFeedback{{Type: "nack", Parameter: "pli"}, {Type: "nack"}}

func payloadOf(seq uint16) []byte { return bytes.Repeat([]byte{byte(seq)}, 10+int(seq%7)) }

// TestRetransmissionByRTX: in a stream of their own, with the original sequence number in front (RFC 4588, section 4).
func TestRetransmissionByRTX(t *testing.T) {
	s := newRetransmitting(t, &interceptor.StreamInfo{SSRC: 7, SSRCRetransmission: 8, RTCPFeedback: repairable})
	for seq := uint16(65530); seq != 6; seq++ {
		s.send(t, seq, payloadOf(seq))
	}
	lost := []uint16{65533, 2, 3, 900}
	got := s.nack(7, lost...)
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
			t.Error("sequence numbers of RTX have a gap")
		}
	}
	if n := len(s.nack(9, 2).headers); n != 0 {
		t.Errorf("%d packets for another stream", n)
	}
	s.send(t, 2+historySize, nil)
	if n := len(s.nack(7, 2).headers); n != 0 {
		t.Error("another packet came instead of one that is no longer kept")
	}
	s.UnbindLocalStream(&interceptor.StreamInfo{SSRC: 7})
	if n := len(s.nack(7, 3).headers); n != 0 {
		t.Error("a stream that ended is retransmitted")
	}
}

// TestRetransmissionWithoutRTX is bit by bit the same packet: SRTP encrypts both with one sequence number.
func TestRetransmissionWithoutRTX(t *testing.T) {
	s := newRetransmitting(t, &interceptor.StreamInfo{SSRC: 7, RTCPFeedback: repairable})
	s.send(t, 41, payloadOf(41))
	sent := s.wire
	s.send(t, 42, payloadOf(42))
	got := s.nack(7, 41)
	if len(got.headers) != 1 {
		t.Fatalf("%d packets", len(got.headers))
	}
	first, err1 := sent.headers[0].Marshal()
	again, err2 := got.headers[0].Marshal()
	if err1 != nil || err2 != nil || !bytes.Equal(first, again) || !bytes.Equal(got.payloads[0], payloadOf(41)) {
		t.Errorf("%x %x came again as %x %x", first, sent.payloads[0], again, got.payloads[0])
	}
}

// TestPayloadsAreKeptWithoutACopy: all viewers share the payloads, so that a viewer costs little memory.
func TestPayloadsAreKeptWithoutACopy(t *testing.T) {
	s := newRetransmitting(t, &interceptor.StreamInfo{SSRC: 7, RTCPFeedback: repairable})
	payload := payloadOf(5)
	s.send(t, 5, payload)
	if got := s.nack(7, 5); &got.payloads[0][0] != &payload[0] {
		t.Error("the payload was copied")
	}
	if n := testing.AllocsPerRun(100, func() { s.writer.(*sentStream).store(&s.header, payload) }); n != 0 {
		t.Errorf("%v allocations for a packet", n)
	}
}

// TestAudioIsNotKept: audio has no NACK.
func TestAudioIsNotKept(t *testing.T) {
	s := newRetransmitting(t, &interceptor.StreamInfo{SSRC: 7, RTCPFeedback: slices.Clone(repairable[:1])})
	s.send(t, 5, payloadOf(5))
	if n := len(s.nack(7, 5).headers); n != 0 {
		t.Errorf("%d packets", n)
	}
}

// TestRetransmissionIsLimited: not within a round trip after the last one, and maxResends times.
func TestRetransmissionIsLimited(t *testing.T) {
	s := newRetransmitting(t, &interceptor.StreamInfo{SSRC: 7, SSRCRetransmission: 8, RTCPFeedback: repairable})
	for seq := uint16(65535); seq != 42; seq++ {
		s.send(t, seq, payloadOf(seq))
	}
	nack := func(when string, lost []uint16, want ...uint16) {
		t.Helper()
		var got []uint16
		for _, payload := range s.nack(7, lost...).payloads {
			got = append(got, binary.BigEndian.Uint16(payload))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v; want %v", when, got, want)
		}
	}
	nack("at first", []uint16{65535, 0, 40}, 65535, 0, 40)
	nack("at once again", []uint16{65535, 0, 40, 41}, 41)
	s.now = s.now.Add(resendIntervalNoRTT)
	nack("a while later", []uint16{0, 40}, 0, 40)
	s.onRTCP([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{reportOf(0, 1, shortNTP(s.now.Add(-300*ms)), 0)}}}, s.now)
	s.now = s.now.Add(200 * ms)
	nack("while packets take 300 ms", []uint16{0, 40})
	s.now = s.now.Add(110 * ms)
	nack("a third time", []uint16{0, 40}, 0, 40)
	s.now = s.now.Add(time.Second)
	nack("too often", []uint16{0, 40})
	s.send(t, 40+historySize, payloadOf(40+historySize))
	nack("an entry of the history that was replaced", []uint16{40, 40 + historySize}, 40+historySize)
}

// TestEveryCodecHasItsRTX: the stream may change its payload type.
func TestEveryCodecHasItsRTX(t *testing.T) {
	s := newRetransmitting(t, &interceptor.StreamInfo{SSRC: 7, SSRCRetransmission: 8, RTCPFeedback: repairable})
	for i, c := range []struct{ sent, again uint8 }{{96, 97}, {98, 99}, {96, 97}} {
		s.header.PayloadType = c.sent
		s.send(t, uint16(i), nil)
	}
	got := s.nack(7, 0, 1, 2).headers
	if len(got) != 3 || got[0].PayloadType != 97 || got[1].PayloadType != 99 || got[2].PayloadType != 97 {
		t.Errorf("96, 98 and 96 came again as %+v", got)
	}
}

// TestNACKsAreAnsweredAsTheyAreRead: and once, although each track reads them.
func TestNACKsAreAnsweredAsTheyAreRead(t *testing.T) {
	s := newRetransmitting(t, &interceptor.StreamInfo{SSRC: 7, SSRCRetransmission: 8, RTCPFeedback: repairable})
	s.send(t, 100, nil)
	request := &rtcp.TransportLayerNack{MediaSSRC: 7, Nacks: []rtcp.NackPair{{PacketID: 100}}}
	data, err := request.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	reader := s.BindRTCPReader(interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		return copy(b, data), a, nil
	}))
	for range 2 {
		b := make([]byte, 1500)
		n, attributes, err := reader.Read(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if packets, err := attributes.GetRTCPPackets(b[:n]); err != nil || len(packets) != 1 {
			t.Errorf("the next reader gets %v, %v", packets, err)
		}
	}
	if n := len(s.wire.headers); n != 2 {
		t.Errorf("%d packets; want the first one and its retransmission", n)
	}
}
