package h264

// Types of SEI messages (D.1). H.265 uses the same numbers for them.
const (
	recoveryPoint = 6  // from a picture after this message on, decoded pictures are exact, although there is no IDR picture
	filmGrain     = 19 // decoders add noise to the pictures that they output
)

// HasFilmGrain tells whether an SEI NAL unit contains a message with film grain characteristics. sei is the RBSP of the NAL
// unit (7.3.2.3).
func HasFilmGrain(sei []byte) bool {
	_, ok := message(sei, filmGrain)
	return ok
}

// RecoveryPoint returns a reader of the recovery point message (D.1.8) in an SEI NAL unit. The message begins with the
// number of frames until decoded pictures are exact, if decoding starts at the picture with the message. sei is the RBSP of
// the NAL unit. ok is false if there is no such message.
func RecoveryPoint(sei []byte) (fields *Reader, ok bool) {
	payload, ok := message(sei, recoveryPoint)
	return NewReader(payload), ok
}

// message returns the payload of the first message of the type wanted. sei is the RBSP of an SEI NAL unit.
func message(sei []byte, wanted int) (payload []byte, ok bool) {
	for len(sei) > 1 {
		var messageType, size int
		messageType, sei = messageNumber(sei)
		size, sei = messageNumber(sei)
		size = min(size, len(sei))
		if messageType == wanted {
			return sei[:size], true
		}
		sei = sei[size:]
	}
	return nil, false
}

// messageNumber reads the type or the size of a message from the start of b. It also returns the bytes that follow. The
// number is the sum of its bytes: any number of bytes of 255, then one byte below 255.
func messageNumber(b []byte) (n int, rest []byte) {
	for len(b) > 0 && b[0] == 255 {
		n, b = n+255, b[1:]
	}
	if len(b) == 0 {
		return n, nil
	}
	return n + int(b[0]), b[1:]
}
