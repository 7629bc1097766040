package peer

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// TestLostPacketsAreSentAgainWithSense: not while the last answer may be on its way, and not forever.
func TestLostPacketsAreSentAgainWithSense(t *testing.T) {
	now := origin
	r := &resends{}
	ask := func(when string, ssrc uint32, lost []uint16, want ...uint16) {
		t.Helper()
		request := &rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(lost)}
		r.take([]rtcp.Packet{request}, now)
		var got []uint16
		for _, pair := range request.Nacks {
			got = append(got, pair.PacketList()...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v; want %v", when, got, want)
		}
	}
	ask("at first", 7, []uint16{65535, 0, 40}, 65535, 0, 40)
	ask("at once again", 7, []uint16{65535, 0, 40, 41}, 41)
	ask("of another stream", 8, []uint16{65535}, 65535)
	now = now.Add(resendFirst)
	ask("a while later", 7, []uint16{0, 40}, 0, 40)
	r.take([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{reportOf(0, 1, middle(now.Add(-300*ms)), 0)}}}, now)
	now = now.Add(200 * ms)
	ask("while packets take 300 ms", 7, []uint16{0, 40})
	now = now.Add(110 * ms)
	ask("a third time", 7, []uint16{0, 40}, 0, 40)
	now = now.Add(time.Second)
	ask("in vain", 7, []uint16{0, 40})
	ask("the place of one that is past", 7, []uint16{40 + resendsKept}, 40+resendsKept)
}

// TestRequestsAreSiftedForThoseWhoAnswer, who look into the attributes.
func TestRequestsAreSiftedForThoseWhoAnswer(t *testing.T) {
	request := &rtcp.TransportLayerNack{MediaSSRC: 7, Nacks: []rtcp.NackPair{{PacketID: 100}}}
	data, err := request.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	made, err := resendsFactory{}.NewInterceptor("")
	if err != nil {
		t.Fatal(err)
	}
	reader := made.BindRTCPReader(interceptor.RTCPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		return copy(b, data), a, nil
	}))
	for _, want := range []int{1, 0} {
		b := make([]byte, 1500)
		n, attributes, err := reader.Read(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		packets, err := attributes.GetRTCPPackets(b[:n])
		if err != nil {
			t.Fatal(err)
		}
		if got := len(packets[0].(*rtcp.TransportLayerNack).Nacks); got != want {
			t.Errorf("%d requests are left; want %d", got, want)
		}
	}
}
