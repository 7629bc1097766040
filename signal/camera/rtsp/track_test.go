package rtsp

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// keeper keeps what a Receiver gets.
type keeper struct {
	packets []*rtp.Packet
	walls   []time.Duration
}

func (k *keeper) Packet(p *rtp.Packet)                { k.packets = append(k.packets, p) }
func (k *keeper) Report(_ uint32, wall time.Duration) { k.walls = append(k.walls, wall) }
func newTrack(out Receiver) (*Track, map[Fault]int) {
	faults := map[Fault]int{}
	c := &Client{cfg: Config{OnFault: func(kind Fault, _ error) { faults[kind]++ }}}
	return &Track{client: c, format: Format{PayloadType: 96, ClockRate: 90000}, alone: true, out: out}, faults
}

func packet(t *testing.T, payloadType uint8, seq uint16, ssrc uint32) []byte {
	t.Helper()
	p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: payloadType, SequenceNumber: seq, SSRC: ssrc}, Payload: []byte{1}}
	data, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSenderReports: only reports of the track's own sender are passed on, before the next packet. One without a time is not.
func TestSenderReports(t *testing.T) {
	k := &keeper{}
	track, faults := newTrack(k)
	report := func(ssrc uint32, unix uint64) {
		data, err := rtcp.Marshal([]rtcp.Packet{
			&rtcp.SenderReport{SSRC: ssrc, NTPTime: unix << 32, RTPTime: 7},
			&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{Source: ssrc}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		track.receiveRTCP(data)
	}
	report(1, 2_208_988_800+60)
	track.receiveRTP(packet(t, 96, 1, 1))
	report(2, 2_208_988_800+70)
	track.receiveRTP(packet(t, 96, 2, 1))
	report(1, 0)
	track.receiveRTP(packet(t, 96, 3, 1))
	if len(k.packets) != 3 || len(k.walls) != 1 || k.walls[0] != time.Minute || len(faults) != 0 {
		t.Errorf("%d packets, wall clocks %v, faults %v", len(k.packets), k.walls, faults)
	}
}

// TestReceiverReports count what came and what is missing.
func TestReceiverReports(t *testing.T) {
	track, _ := newTrack(&keeper{})
	now := time.Now()
	if track.reception.receiverReport(now) != nil {
		t.Error("a report without packets")
	}
	for _, seq := range []uint16{65534, 65535, 1, 2} { // 0 is missing
		track.receiveRTP(packet(t, 96, seq, 9))
	}
	got := track.reception.receiverReport(now).Reports[0]
	if got.SSRC != 9 || got.LastSequenceNumber != 2<<16|2 || got.TotalLost != 1 || got.FractionLost != 256/5 {
		t.Errorf("%+v", got)
	}
	track.receiveRTP(packet(t, 96, 3, 9))
	if got = track.reception.receiverReport(now).Reports[0]; got.FractionLost != 0 || got.TotalLost != 1 {
		t.Errorf("the next one is %+v", got)
	}
}

func FuzzRTP(f *testing.F) {
	f.Add([]byte{0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 9})
	f.Add([]byte{0xb0, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 9, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		k := &keeper{}
		track, faults := newTrack(k)
		track.receiveRTP(data)
		if len(k.packets)+len(faults) != 1 {
			t.Errorf("%d packets and faults %v", len(k.packets), faults)
		}
	})
}

func FuzzRTCP(f *testing.F) {
	f.Add(binary.BigEndian.AppendUint64(append([]byte{0x80, 200, 0, 6}, make([]byte, 20)...), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		track, _ := newTrack(&keeper{})
		track.receiveRTCP(data)
	})
}

// arrivals gets the sequence numbers of packets.
type arrivals chan uint16

func (a arrivals) Packet(p *rtp.Packet)         { a <- p.SequenceNumber }
func (a arrivals) Report(uint32, time.Duration) {}

// TestJitter: the jitter is that of the packets, also where the timestamp wraps and long after the first packet.
func TestJitter(t *testing.T) {
	for _, first := range []uint32{0, 1<<32 - 90000, 1<<31 - 90000} {
		for _, late := range []time.Duration{0, 10 * time.Millisecond, -10 * time.Millisecond} {
			var r reception
			began := time.Now()
			for i := range 200 {
				now := began.Add(time.Duration(i) * 20 * time.Millisecond)
				if i > 100 {
					now = now.Add(1000 * time.Hour)
				}
				if i%2 == 1 {
					now = now.Add(late)
				}
				timestamp := first + uint32(int64(now.Sub(began)/time.Microsecond)*90/1000)
				if i%2 == 1 {
					timestamp -= uint32(late/time.Millisecond) * 90
				}
				r.add(1, uint16(i), timestamp, 90000, now)
			}
			got := float64(r.receiverReport(began).Reports[0].Jitter) / 90
			if want := float64(late.Abs() / time.Millisecond); got < want-1 || got > want+1 {
				t.Errorf("from %d on, packets %v late: the jitter is %v ms", first, late, got)
			}
		}
	}
}

// TestDelayOfAnOldReport: a report that is older than the field can say has the greatest delay.
func TestDelayOfAnOldReport(t *testing.T) {
	now := time.Now()
	for age, want := range map[time.Duration]uint32{time.Second: 65536, 100 * time.Hour: 65535 << 16} {
		var r reception
		r.add(1, 1, 1, 90000, now)
		r.lastReport.Store(&senderReport{arrived: now.Add(-age)})
		if got := r.receiverReport(now).Reports[0].Delay; got != want {
			t.Errorf("%v: %d, want %d", age, got, want)
		}
	}
}
