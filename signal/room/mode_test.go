package room

import "testing"

// TestMeshRoomsTakeNoMedia: publishers and viewers are refused in a mesh room, and mesh members in other rooms.
func TestMeshRoomsTakeNoMedia(t *testing.T) {
	reg := open(t, Config{Rooms: map[string]Settings{"pair": {Mode: Mesh}, "hall": {}}})
	for _, j := range []Joining{publisher("a"), {}, {Name: "gate", Kind: Camera, Publish: Media{Video: true}}} {
		_, err := reg.Join(t.Context(), "pair", j)
		wantCode(t, err, CodeMesh)
	}
	enter(t, reg, "pair", Joining{Mesh: true, Key: "k"})
	for _, room := range []string{"hall", "elsewhere"} {
		_, err := reg.Join(t.Context(), room, Joining{Mesh: true})
		wantCode(t, err, CodeBadRoom)
	}
	for room, want := range map[string]Mode{"pair": Mesh, "hall": Mix} {
		if info, err := reg.Info(room); err != nil || info.Mode != want {
			t.Errorf("%s is described as %q (%v); want %s", room, info.Mode, err, want)
		}
	}
}
