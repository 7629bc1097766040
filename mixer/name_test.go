package mixer

import (
	"errors"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, s := range []string{
		"Ana", "김철수", "Zoë Ø.", "می\u200cشود", "👨‍👩‍👧", "台所\u3000北", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "❤️",
		"a\u200eb", "a/b", "50%", "..", "नमस्ते", strings.Repeat("가", 128), strings.Repeat("x", 128), strings.Repeat("💥", 100),
	} {
		if err := CheckName(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"", " ", " a", "a ", "a\u3000", "a\tb", "a\nb", "a\rb", "a\x00", "a\x7f", "a\u0085b", "a\u2028b", "a\u202eb", "a\u2066b", "\ufeffa", "a\ufffeb", "\xff",
		"\u200d", "\u0301", "\u3164", strings.Repeat("x", 129), strings.Repeat("가", 129), strings.Repeat("💥", 101),
	} {
		if err := CheckName(s); !errors.Is(err, ErrName) || len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\n\t") {
			t.Errorf("%q: %v; want a short error that names what is accepted", s, err)
		}
	}
}

func TestRoomNames(t *testing.T) {
	for _, s := range []string{"a", "yard", "Yard-2_b.c", "0", strings.Repeat("x", 64)} {
		if err := CheckRoomName(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "-a", ".", "..", "_x", "a b", "a/b", "hof-ü", "a\x00b", "마당", strings.Repeat("x", 65), "a\xff"} {
		if err := CheckRoomName(s); !errors.Is(err, ErrRoomName) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
