package h264

// filmGrain is the type of the SEI message that tells decoders to add noise to the pictures that they output (D.1).
const filmGrain = 19

// HasFilmGrain tells whether an SEI NAL unit contains a message with film grain characteristics. sei is the RBSP of the NAL
// unit (7.3.2.3).
func HasFilmGrain(sei []byte) bool {
	for len(sei) > 1 {
		var messageType, size int
		messageType, sei = messageNumber(sei)
		size, sei = messageNumber(sei)
		if messageType == filmGrain {
			return true
		}
		sei = sei[min(size, len(sei)):]
	}
	return false
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
