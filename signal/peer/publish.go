package peer

import "azulejo/mixer"

// Publish replaces Options.Upstream, Own, Audio and Video. It is for dialects that call Offer before they know which media
// the client sends. It must not be called after Accept.
func (p *Peer) Publish(up Upstream, own mixer.SourceID, audio, video bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opts.Upstream, p.opts.Own, p.opts.Audio, p.opts.Video = up, own, audio, video
	if p.offered != nil {
		p.offered.own = own
	}
}
