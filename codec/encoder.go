package codec

import (
	"fmt"
	"time"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// encoder is the common part of VideoEncoder and AudioEncoder. It encodes AVFrames to packets.
type encoder struct {
	id     mixer.Codec
	ctx    *astiav.CodecContext
	packet *astiav.Packet
	base   astiav.Rational // time base of the encoder's timestamps, 1/n
}

// newEncoder opens FFmpeg's encoder with the given name. setup configures the encoder's context before it is opened.
func newEncoder(id mixer.Codec, name string, setup func(*astiav.CodecContext), options map[string]string) (*encoder, error) {
	c := astiav.FindEncoderByName(name)
	if c == nil {
		return nil, fmt.Errorf("encode %q: %w", id, mixer.ErrUnsupported)
	}
	e := &encoder{id: id, ctx: astiav.AllocCodecContext(c), packet: astiav.AllocPacket()}
	setup(e.ctx)
	dict := astiav.NewDictionary()
	defer dict.Free()
	for k, v := range options {
		if err := dict.Set(k, v, 0); err != nil {
			e.close()
			return nil, translate("set "+k+" of "+name, err)
		}
	}
	if err := e.ctx.Open(c, dict); err != nil {
		e.close()
		return nil, translate("open the encoder "+name, err)
	}
	e.base = e.ctx.TimeBase()
	return e, nil
}

// encode sends f to FFmpeg's encoder and returns the packets that are ready. A nil f drains the encoder.
func (e *encoder) encode(f *astiav.Frame) ([]mixer.Packet, error) {
	if e.ctx == nil {
		return nil, fmt.Errorf("encode %s: %w", e.id, mixer.ErrClosed)
	}
	if err := e.ctx.SendFrame(f); err != nil && !isAgainOrEOF(err) {
		return nil, translate("encode "+string(e.id), err)
	}
	var out []mixer.Packet
	for {
		err := e.ctx.ReceivePacket(e.packet)
		if isAgainOrEOF(err) {
			return out, nil
		}
		if err != nil {
			return out, translate("encode "+string(e.id), err)
		}
		out = append(out, e.copyPacket())
	}
}

// copyPacket copies e.packet into Go memory.
func (e *encoder) copyPacket() mixer.Packet {
	defer e.packet.Unref()
	return mixer.Packet{
		Codec:    e.id,
		Data:     e.packet.Data(),
		PTS:      e.duration(e.packet.Pts()),
		Duration: e.duration(e.packet.Duration()),
		Key:      e.packet.Flags().Has(astiav.PacketFlagKey),
	}
}

// duration converts a timestamp in the encoder's time base to a time.Duration.
func (e *encoder) duration(timestamp int64) time.Duration {
	rate := int64(e.base.Den())
	whole, rest := timestamp/rate, timestamp%rate
	return time.Duration(whole)*time.Second + time.Duration(rest*int64(time.Second)/rate)
}

// timestamp converts d to the encoder's time base, rounded to the nearest unit.
func (e *encoder) timestamp(d time.Duration) int64 {
	rate := int64(e.base.Den())
	whole, rest := int64(d/time.Second), int64(d%time.Second)
	return whole*rate + (rest*rate+int64(time.Second)/2)/int64(time.Second)
}

func (e *encoder) close() {
	if e.ctx == nil {
		return
	}
	e.packet.Free()
	e.ctx.Free()
	e.ctx = nil
}
