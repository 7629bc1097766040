package room

import "testing"

// TestMeshRoomsTakeNoMedia: who comes in with media, or to watch, is told; who comes for the others is not.
func TestMeshRoomsTakeNoMedia(t *testing.T) {
	h := open(t, Config{Rooms: map[string]Settings{"pair": {Mode: Mesh}, "hall": {}}})
	for _, j := range []Joining{publisher("a"), {}, {Name: "gate", Kind: Camera, Publish: Media{Video: true}}} {
		_, err := h.Join(t.Context(), "pair", j)
		wantCode(t, err, CodeMesh)
	}
	enter(t, h, "pair", Joining{Mesh: true, Key: "k"})
	for _, room := range []string{"hall", "elsewhere"} {
		_, err := h.Join(t.Context(), room, Joining{Mesh: true})
		wantCode(t, err, CodeBadRoom)
	}
	for room, want := range map[string]Mode{"pair": Mesh, "hall": Mix} {
		if info, err := h.Info(room); err != nil || info.Mode != want {
			t.Errorf("%s is described as %q (%v); want %s", room, info.Mode, err, want)
		}
	}
}
