package codec_test

import "azulejo/mixer"

// paff encodes frames of 64x64 pixels as H.264 whose frames are coded as two fields or as one picture (PAFF). All macroblocks are
// I_PCM, so the samples are exact.
type paff struct {
	out []byte
	n   uint // bits in the last byte of out
}

func (b *paff) bits(value uint32, count int) {
	for i := count - 1; i >= 0; i-- {
		if b.n%8 == 0 {
			b.out = append(b.out, 0)
		}
		b.out[len(b.out)-1] |= byte(value>>i&1) << (7 - b.n%8)
		b.n++
	}
}

// ue writes an unsigned Exp-Golomb code (H.264, 9.1).
func (b *paff) ue(values ...uint32) {
	for _, v := range values {
		length := 0
		for (v+1)>>length > 1 {
			length++
		}
		b.bits(v+1, 2*length+1)
	}
}

// nal ends the RBSP, and returns it as a NAL unit with a start code and emulation prevention.
func (b *paff) nal(header byte) []byte {
	b.bits(1, 1)
	out, zeros := []byte{0, 0, 0, 1, header}, 0
	for _, v := range b.out {
		if zeros >= 2 && v <= 3 {
			out, zeros = append(out, 3), 0
		}
		if zeros++; v != 0 {
			zeros = 0
		}
		out = append(out, v)
	}
	return out
}

// paffSets returns an SPS of Main profile with fields, and a PPS.
func paffSets() []byte {
	var sps, pps paff
	sps.bits(77<<16|30, 24)
	sps.ue(0, 0, 0, 4, 1) // ids, 4 bits of frame_num, POC type 0 with 8 bits, one reference frame
	sps.bits(0, 1)
	sps.ue(3, 1)         // 4 macroblocks wide, 2 high in each field
	sps.bits(0b00100, 5) // not frame_mbs_only, no MBAFF, direct_8x8_inference, no cropping, no VUI
	pps.ue(0, 0)
	pps.bits(0, 2)
	pps.ue(0, 0, 0)
	pps.bits(0, 3)
	pps.ue(0, 0, 0)
	pps.bits(0b100, 3) // deblocking_filter_control_present
	return append(sps.nal(0x67), pps.nal(0x68)...)
}

// paffPicture encodes one picture of a frame: the top field (0), the bottom field (1), or both together (2). luma returns the sample
// of the frame at x, y. idr marks the first picture of an IDR frame.
func paffPicture(field int, idr bool, number int, luma func(x, y int) byte) []byte {
	var b paff
	b.ue(0, 7, 0)
	b.bits(0, 4)
	rows, step, first := 32, 2, field
	if field == 2 {
		b.bits(0, 1)
		rows, step, first = 64, 1, 0
	} else {
		b.bits(2|uint32(field), 2)
	}
	header := byte(0x21)
	if idr {
		header = 0x65
		b.ue(uint32(number % 2))
	}
	b.bits(uint32(field%2), 8) // POC
	if idr {
		b.bits(0, 1)
	}
	b.bits(0, 1)
	b.ue(0, 1)
	for mb := range rows / 16 * 4 {
		b.ue(25)
		for b.n%8 != 0 {
			b.bits(0, 1)
		}
		for i := range 256 {
			b.bits(uint32(luma(mb%4*16+i%16, first+step*(mb/4*16+i/16))), 8)
		}
		for range 128 {
			b.bits(128, 8)
		}
	}
	return b.nal(header)
}

// paffFrame returns the packets of frame number n: a packet for each picture.
func paffFrame(n int, fields bool, luma func(field, x, y int) byte) (packets []mixer.Packet) {
	pixel := func(x, y int) byte { return luma(y%2, x, y) }
	pictures := []int{2}
	if fields {
		pictures = []int{0, 1}
	}
	for i, field := range pictures {
		p := mixer.Packet{Codec: mixer.H264, Key: i == 0, Data: paffPicture(field, i == 0, n, pixel)}
		if p.Key {
			p.Data = append(paffSets(), p.Data...)
		}
		packets = append(packets, p)
	}
	return packets
}
