package room

import "azulejo/mixer"

// ReportTrouble says why no video of the member comes; the zero Trouble: video comes.
func (m *Member) ReportTrouble(mixer.Trouble) {}
