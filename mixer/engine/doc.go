// Package mixer is everything between a compressed packet that came in and one that goes out: it
// decodes sources, tiles them into views, mixes their sound and encodes each rendition once for all
// its sinks. A room owns one Mixer; all its methods may be called from any goroutine.
//
// Goroutines: one decoder per source and medium, one ticker for the view, one for the sound, one
// encoder per rendition. They meet in a Slot (newest picture), a queue (sound) and a channel of one
// canvas (renditions), none of which ever makes the faster side wait.
package engine
