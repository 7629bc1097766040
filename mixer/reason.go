package mixer

import "time"

// Reason is one word that says why a source is not live. The API, events, metrics, logs and tiles use the same words.
type Reason string

// The reasons that the sender's side of a source reports, see ReportTrouble.
const (
	ReasonConnecting     Reason = "connecting"       // the first connection is being made
	ReasonRefused        Reason = "refused"          // the host refuses connections, or the server refuses the request
	ReasonUnreachable    Reason = "unreachable"      // there is no route to the host
	ReasonUnknownHost    Reason = "unknown-host"     // the host's name is not known
	ReasonTimeout        Reason = "timeout"          // the host or the server does not answer
	ReasonWrongPassword  Reason = "wrong-password"   // the server refuses the login
	ReasonNoSuchStream   Reason = "no-such-stream"   // the server does not know the path
	ReasonCertificate    Reason = "certificate"      // the server's certificate is not trusted
	ReasonForbidden      Reason = "forbidden"        // the login is right, but the server denies access
	ReasonNoData         Reason = "no-data"          // the session plays, but nothing arrives
	ReasonNoPictureCodec Reason = "no-picture-codec" // the server offers no video that azulejo decodes
	ReasonStalled        Reason = "stalled"          // the session goes on, but no complete frame arrives any more
	ReasonReconnecting   Reason = "reconnecting"     // the connection broke and is being made again
)

// The reasons that the engine finds.
const (
	ReasonNoKeyframe  Reason = "no-keyframe" // packets arrive, but no frame that decoding can start at
	ReasonTooLarge    Reason = "too-large"   // frames have more pixels than Config.MaxPixels
	ReasonDamaged     Reason = "damaged"     // frames arrive, but they cannot be decoded or drawn
	ReasonFrozen      Reason = "frozen"      // frames arrive, but they have not changed for SourceSpec.FrozenAfter
	ReasonQuarantined Reason = "quarantined" // the source is not decoded, because it did harm before
	ReasonMuted       Reason = "muted"       // the participant muted the video
)

// The reasons why the audio of a camera is not taken.
const (
	ReasonNoAudioCodec   Reason = "no-audio-codec"   // azulejo does not decode the codec
	ReasonBadAudioConfig Reason = "bad-audio-config" // the session description has no usable decoder configuration
	ReasonAudioRefused   Reason = "audio-refused"    // the server refuses the audio track
)

// Trouble says why something does not work. The zero value means that there is no trouble.
type Trouble struct {
	Reason Reason
	Detail string // an English sentence without a full stop; it names what is wrong and, where it helps, what is accepted
}

// Condition is the state of a source, and why it is not live. Reason and Detail are empty while it is live.
type Condition struct {
	State State
	Trouble
	Since time.Time // when State or Reason last changed
}
