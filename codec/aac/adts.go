package aac

// IsADTS tells whether b starts with the header of an ADTS frame (ISO 14496-3, 1.A.2.2).
func IsADTS(b []byte) bool {
	return len(b) >= 7 && b[0] == 0xff && b[1]&0xf6 == 0xf0
}

// SplitADTS removes the ADTS headers of an access unit. It returns the access units without headers, and the
// AudioSpecificConfig that the headers describe. Without headers it returns the access unit and no configuration. It stops
// when it has more than limit access units. The access units share memory with unit.
func SplitADTS(unit []byte, limit int) (frames [][]byte, config []byte) {
	var head []byte
	for rest := unit; len(rest) > 0 && len(frames) <= limit; {
		if !IsADTS(rest) {
			return [][]byte{unit}, nil
		}
		width, size := 7, int(rest[3]&3)<<11|int(rest[4])<<3|int(rest[5]>>5)
		if rest[1]&1 == 0 {
			width = 9 // with a CRC
		}
		if size <= width || size > len(rest) || rest[6]&3 != 0 {
			return [][]byte{unit}, nil
		}
		head = rest
		frames, rest = append(frames, rest[width:size]), rest[size:]
	}
	return frames, adtsConfig(head)
}

// adtsConfig returns the AudioSpecificConfig of an ADTS header; nil if there is no header, or if it does not tell the channels.
func adtsConfig(head []byte) []byte {
	if len(head) == 0 {
		return nil
	}
	object, rate, channels := head[2]>>6+1, head[2]>>2&15, head[2]&1<<2|head[3]>>6
	if channels == 0 {
		return nil
	}
	return encode(int(object), int(rate), int(channels))
}
