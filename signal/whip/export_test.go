package whip

import (
	"maps"
	"slices"
)

// Routes are the methods of all there is, by the pattern of its path.
func (h *Handler) Routes() map[string][]string {
	all := map[string][]string{}
	for pattern, res := range h.routes() {
		all[pattern] = slices.Sorted(maps.Keys(res.methods))
	}
	return all
}
