package rtsp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// Receiver gets the packets of a track, from one goroutine at a time.
type Receiver interface {
	// Packet gets a packet and owns it. Packets come in the order of their arrival.
	Packet(*rtp.Packet)
	// Report gets a sender report: the camera's wall clock showed the Unix time wall at this RTP timestamp.
	Report(timestamp uint32, wall time.Duration)
}

// adoptAfter is how long packets of the signalled payload type may be missing before another one takes its place.
const adoptAfter = time.Second

var (
	errVersion = errors.New("RTP version is not 2")
	errRTCP    = errors.New("RTCP packet is cut off, or its version is not 2")
)

// Track is one track of a session.
type Track struct {
	client *Client
	format Format
	alone  bool // the medium has no other format
	out    Receiver

	channel           int          // interleaved channel of RTP; RTCP has the next one
	rtp, rtcp         *net.UDPConn // nil: inside the RTSP connection
	peer              netip.Addr   // the camera's address in the RTSP connection; the only one that datagrams are sent to
	source            netip.Addr   // another address that the camera sends from; the zero value: it named none
	rtpPort, rtcpPort uint16       // the camera's ports; zero: unknown

	reception reception
	report    atomic.Pointer[senderReport] // the newest one that out has not got yet

	// Packets of other payload types.
	adopted    bool      // adoptedPT is accepted
	adoptedPT  uint8     // see adopt
	otherSince time.Time // when the first one came after the last packet of the signalled type; zero: none has come
	others     [128]int  // how many of each type came since then
}

// senderReport is what a sender report says about the clocks of a track.
type senderReport struct {
	ssrc      uint32
	ntp       uint64
	timestamp uint32
	arrived   time.Time
}

// receiveRTP takes over a packet. All calls are from one goroutine.
func (t *Track) receiveRTP(data []byte) {
	var p rtp.Packet
	if len(data) > 0 && data[0]>>6 != 2 {
		t.client.fault(FaultRTP, errVersion)
		return
	}
	if err := p.Unmarshal(data); err != nil {
		t.client.fault(FaultRTP, err)
		return
	}
	now := time.Now()
	if !t.accepts(p.PayloadType, now) {
		t.client.fault(FaultPayloadType, fmt.Errorf("payload type %d; the session description has %d", p.PayloadType, t.format.PayloadType))
		return
	}
	t.client.lastPacket.Store(now.UnixNano())
	t.reception.add(p.SSRC, p.SequenceNumber, p.Timestamp, t.format.ClockRate, now)
	if r := t.report.Swap(nil); r != nil && r.ssrc == p.SSRC {
		t.out.Report(r.timestamp, r.wall())
	}
	t.out.Packet(&p)
}

// accepts tells whether packets of a payload type belong to the track: the signalled one, and the adopted one.
func (t *Track) accepts(payloadType uint8, now time.Time) bool {
	if payloadType == t.format.PayloadType {
		if !t.otherSince.IsZero() {
			t.adopted, t.otherSince, t.others = false, time.Time{}, [128]int{}
		}
		return true
	}
	if t.adopted || !t.alone {
		return t.adopted && payloadType == t.adoptedPT
	}
	return t.adopt(payloadType, now)
}

// adopt makes the most frequent payload type the one of a track whose signalled type has not come for adoptAfter, and tells
// whether payloadType is that one. Some cameras number the payload type in the session description wrongly. Others mix in
// packets of another type: those are ignored.
func (t *Track) adopt(payloadType uint8, now time.Time) bool {
	if t.otherSince.IsZero() {
		t.otherSince = now
	}
	t.others[payloadType]++
	if now.Sub(t.otherSince) < adoptAfter {
		return false
	}
	t.adopted = true
	for other, n := range t.others {
		if n > t.others[t.adoptedPT] {
			t.adoptedPT = uint8(other)
		}
	}
	return payloadType == t.adoptedPT
}

// receiveRTCP reads the sender reports of a compound packet (RFC 3550, 6.1). With UDP it runs in a goroutine of its own.
func (t *Track) receiveRTCP(data []byte) {
	for len(data) > 0 {
		if len(data) < 4 || data[0]>>6 != 2 {
			t.client.fault(FaultRTCP, errRTCP)
			return
		}
		size := 4 + 4*int(binary.BigEndian.Uint16(data[2:]))
		if size > len(data) {
			t.client.fault(FaultRTCP, errRTCP)
			return
		}
		if data[1] == byte(rtcp.TypeSenderReport) && size >= 28 {
			t.keepReport(data)
		}
		data = data[size:]
	}
}

// keepReport stores a sender report (RFC 3550, 6.4.1). Cameras that do not know the time write an NTP time of zero.
func (t *Track) keepReport(data []byte) {
	r := &senderReport{
		ssrc: binary.BigEndian.Uint32(data[4:]), ntp: binary.BigEndian.Uint64(data[8:]),
		timestamp: binary.BigEndian.Uint32(data[16:]), arrived: time.Now(),
	}
	t.reception.lastReport.Store(r)
	if r.ntp != 0 {
		t.report.Store(r)
	}
}

// wall returns the Unix time of a report. NTP counts from 1900, in units of 2^-32 s.
func (r *senderReport) wall() time.Duration {
	seconds, fraction := int64(r.ntp>>32)-2_208_988_800, r.ntp&0xffffffff
	return time.Duration(seconds)*time.Second + time.Duration(fraction*uint64(time.Second)>>32)
}

// close frees the sockets.
func (t *Track) close() {
	for _, socket := range []*net.UDPConn{t.rtp, t.rtcp} {
		if socket != nil {
			_ = socket.Close() // nothing is lost that somebody waits for
		}
	}
}
