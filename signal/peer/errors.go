package peer

// Codes of the errors that a client can cause. They are part of the signalling protocols.
const (
	CodeBadSDP       = "bad_sdp"
	CodeBadCandidate = "bad_candidate"
	CodeSecondOffer  = "second_offer"
	CodeUnexpected   = "unexpected"
	CodeICEFailed    = "ice_failed"
)
