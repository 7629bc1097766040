package peer

import "azulejo/mixer"

// Publish replaces what Options say of the upstream. It is for those who offered before they knew what the client
// sends, and may be called until Accept; own is not heard by the client.
func (p *Peer) Publish(up Upstream, own mixer.SourceID, audio, video bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opts.Upstream, p.opts.Own, p.opts.Audio, p.opts.Video = up, own, audio, video
	if p.ours != nil {
		p.ours.own = own
	}
}
