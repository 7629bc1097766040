package peer

import "azulejo/mixer"

// Publish replaces the fields of Options that are about the upstream. It is for dialects that offer before they know
// what the client sends, and may be called until Accept. own is left out of the client's audio.
func (p *Peer) Publish(up Upstream, own mixer.SourceID, audio, video bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opts.Upstream, p.opts.Own, p.opts.Audio, p.opts.Video = up, own, audio, video
	if p.offered != nil {
		p.offered.own = own
	}
}
