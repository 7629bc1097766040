package cameratest

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// Track sends one track of a session. Its methods are safe for concurrent use. After the session has ended they do
// nothing.
type Track struct {
	PayloadType uint8

	session *Session
	rtp     func([]byte) // sends one RTP packet
	rtcp    func([]byte) // sends one RTCP packet
	sockets []*net.UDPConn

	mu      sync.Mutex
	seq     uint16
	ssrc    uint32
	packets uint32
	octets  uint32
}

func newTrack(s *Session, payloadType int) *Track {
	return &Track{PayloadType: uint8(payloadType), session: s, seq: uint16(rand.Uint32()), ssrc: rand.Uint32()}
}

// interleave sends packets inside the RTSP connection (RFC 2326 10.12), RTP in channel and RTCP in the next one.
func (t *Track) interleave(channel byte) {
	t.rtp = func(p []byte) { t.session.sendInterleaved(channel, p) }
	t.rtcp = func(p []byte) { t.session.sendInterleaved(channel+1, p) }
}

// Session returns the session of the track.
func (t *Track) Session() *Session { return t.session }

// UDP tells whether the packets go over UDP.
func (t *Track) UDP() bool { return t.sockets != nil }

// Make returns the next packet and does not send it. Raw can send it later.
func (t *Track) Make(payload []byte, timestamp uint32, marker bool) []byte {
	return t.next(payload, timestamp, marker)
}

// Foreign sends a datagram to the client's RTP port from a socket of somebody else.
func (t *Track) Foreign(p []byte) {
	c, err := net.Dial("udp", t.sockets[0].RemoteAddr().String())
	if err != nil {
		return // the session has ended
	}
	_, _ = c.Write(p) // datagrams may be lost
	_ = c.Close()     // nobody can act on an error
}

// Send sends a packet.
func (t *Track) Send(payload []byte, timestamp uint32, marker bool) {
	t.rtp(t.next(payload, timestamp, marker))
}

// Lose makes a packet and does not send it.
func (t *Track) Lose(payload []byte, timestamp uint32, marker bool) {
	t.next(payload, timestamp, marker)
}

// SendUnit sends the payloads of one access unit, with the marker bit on the last one.
func (t *Track) SendUnit(payloads [][]byte, timestamp uint32) {
	for i, p := range payloads {
		t.Send(p, timestamp, i == len(payloads)-1)
	}
}

// Raw sends bytes in the place of an RTP packet.
func (t *Track) Raw(p []byte) { t.rtp(p) }

// RawRTCP sends bytes in the place of an RTCP packet.
func (t *Track) RawRTCP(p []byte) { t.rtcp(p) }

// SequenceNumber returns the number of the next packet.
func (t *Track) SequenceNumber() uint16 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seq
}

// Report sends a sender report: the camera's clock shows now at the RTP timestamp.
func (t *Track) Report(timestamp uint32, now time.Time) {
	t.mu.Lock()
	sr := rtcp.SenderReport{SSRC: t.ssrc, NTPTime: ntp(now), RTPTime: timestamp, PacketCount: t.packets, OctetCount: t.octets}
	t.mu.Unlock()
	data, err := sr.Marshal()
	if err != nil {
		panic(err) // a sender report without reception blocks has no limit that could be exceeded
	}
	t.rtcp(data)
}

func (t *Track) next(payload []byte, timestamp uint32, marker bool) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := rtp.Packet{
		Header:  rtp.Header{Version: 2, Marker: marker, PayloadType: t.PayloadType, SequenceNumber: t.seq, Timestamp: timestamp, SSRC: t.ssrc},
		Payload: payload,
	}
	t.seq++
	t.packets++
	t.octets += uint32(len(payload))
	data, err := p.Marshal()
	if err != nil {
		panic(err) // a packet without extensions has no limit that could be exceeded
	}
	return data
}

// ntp returns a time as seconds since 1900, as a fixed-point number of 32.32 bits.
func ntp(now time.Time) uint64 {
	return uint64(now.Unix()+2_208_988_800)<<32 | uint64(now.Nanosecond())<<32/1_000_000_000
}

// close frees the sockets.
func (t *Track) close() {
	for _, c := range t.sockets {
		_ = c.Close() // nobody can act on an error
	}
}

// interleaved returns p with the header of an interleaved packet.
func interleaved(channel byte, p []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{'$', channel}, uint16(len(p))), p...)
}
