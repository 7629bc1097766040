package h264

// filmGrain is the type of the SEI message that has decoders add noise to what they show (D.1).
const filmGrain = 19

// HasFilmGrain tells whether an SEI (7.3.2.3), given as RBSP, has a message with film grain characteristics.
func HasFilmGrain(sei []byte) bool {
	for len(sei) > 1 {
		var kind, size int
		kind, sei = messageNumber(sei)
		size, sei = messageNumber(sei)
		if kind == filmGrain {
			return true
		}
		sei = sei[min(size, len(sei)):]
	}
	return false
}

// messageNumber reads the type or the size of a message: each byte of 255 is added to the byte that follows.
func messageNumber(b []byte) (n int, rest []byte) {
	for len(b) > 0 && b[0] == 255 {
		n, b = n+255, b[1:]
	}
	if len(b) == 0 {
		return n, nil
	}
	return n + int(b[0]), b[1:]
}
