package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sign makes a token without the library, as other libraries and attackers may.
func sign(s Secret, header, body string) string {
	enc := base64.RawURLEncoding
	text := enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString([]byte(body))
	return text + "." + enc.EncodeToString(signature(s, text))
}

func signature(s Secret, text string) []byte {
	mac := hmac.New(sha256.New, []byte(s))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

func inAnHour() int64 { return time.Now().Add(time.Hour).Unix() }

func TestGoodTokenSaysWhoMayComeIn(t *testing.T) {
	g := guard(t, nil)
	p, err := g.Admit(Ask{Token: mint(t, "yard", "Maria", View, Publish), Room: "yard", Grants: []Grant{View, Publish}, Join: true})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(p.Expires); p.Name != "Maria" || left > time.Hour || left < 59*time.Minute {
		t.Errorf("permit for %q until %v, want Maria for an hour", p.Name, p.Expires)
	}
}

func TestTokensOfOthersAreGood(t *testing.T) {
	g := guard(t, nil)
	for name, body := range map[string]string{
		"nothing but what is needed": `{"room":"yard","grants":["view"],"exp":%d}`,
		"more than what is needed":   `{"sub":"42","iat":1,"iss":"us","aud":["a","b"],"jti":"x","colour":"blue","room":"yard","grants":["view","paint"],"exp":%d}`,
		"issued by a clock ahead":    `{"iat":99999999999,"room":"yard","grants":["view"],"exp":%d}`,
		"all rooms":                  `{"room":"*","grants":["view"],"exp":%d}`,
		"admin":                      `{"room":"yard","grants":["admin"],"exp":%d}`,
	} {
		if _, err := g.Admit(Ask{Token: sign(secret, hs256, fmt.Sprintf(body, inAnHour())), Room: "yard", Grants: []Grant{View}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadTokensAreRefusedWithAReason(t *testing.T) {
	g := guard(t, nil)
	good := fmt.Sprintf(`{"room":"yard","grants":["view"],"exp":%d}`, inAnHour())
	signed := sign(secret, hs256, good)
	unsigned := signed[:strings.LastIndex(signed, ".")+1]
	garden := sign(another, hs256, strings.Replace(good, "yard", "garden", 1))
	none := sign(secret, `{"alg":"none"}`, good)
	for name, c := range map[string]struct{ token, word string }{
		"none":                  {"", "needed"},
		"garbage":               {"garbage", "broken"},
		"two parts":             {"a.b", "broken"},
		"not base64":            {"!!.!!.!!", "broken"},
		"padded":                {signed + "=", "broken"},
		"no JSON":               {sign(secret, hs256, "yard"), "broken"},
		"grants as text":        {sign(secret, hs256, fmt.Sprintf(`{"room":"yard","grants":"view","exp":%d}`, inAnHour())), "broken"},
		"too long":              {sign(secret, hs256, `{"x":"`+strings.Repeat("x", maxToken)+`"}`), "bytes"},
		"another's secret":      {sign(another, hs256, good), "not signed by this server"},
		"no signature":          {unsigned, "not signed"},
		"other claims":          {garden[:strings.LastIndex(garden, ".")] + signed[len(unsigned)-1:], "not signed"},
		"alg none":              {none, "not signed"},
		"alg none, unsigned":    {none[:strings.LastIndex(none, ".")+1], "not signed"},
		"alg HS512":             {sign(secret, `{"alg":"HS512"}`, good), "HS256"},
		"alg RS256":             {sign(secret, `{"alg":"RS256"}`, good), "HS256"},
		"alg in lower case":     {sign(secret, `{"alg":"hs256"}`, good), "HS256"},
		"expired":               {sign(secret, hs256, `{"room":"yard","grants":["view"],"exp":1700000000}`), "expired at 2023-11-14T22:13:20Z"},
		"expired and another's": {sign(another, hs256, `{"room":"yard","grants":["view"],"exp":1700000000}`), "not signed"},
		"no expiry":             {sign(secret, hs256, `{"room":"yard","grants":["view"]}`), "never expires"},
		"not yet":               {sign(secret, hs256, fmt.Sprintf(`{"room":"yard","grants":["view"],"nbf":%d,"exp":%d}`, inAnHour()-60, inAnHour())), "not good yet"},
		"no room":               {sign(secret, hs256, fmt.Sprintf(`{"grants":["view"],"exp":%d}`, inAnHour())), "no room"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := g.Admit(Ask{Token: c.token, Room: "yard", Grants: []Grant{View}, Remote: "192.0.2.1:1"})
			wantCode(t, err, CodeUnauthorized, c.word, "accepted")
			if c.token != "" && strings.Contains(err.Error(), c.token) {
				t.Errorf("the reason repeats the token: %v", err)
			}
		})
	}
}

func TestGoodTokensOfTooLittleAreForbidden(t *testing.T) {
	g := guard(t, nil)
	for name, c := range map[string]struct {
		token string
		ask   Ask
		words []string
	}{
		"another room":     {mint(t, "garden", "", View), Ask{Room: "yard", Grants: []Grant{View}}, []string{"another room", "garden"}},
		"admin elsewhere":  {mint(t, "garden", "", Admin), Ask{Room: "yard"}, []string{"another room"}},
		"letters differ":   {mint(t, "Yard", "", View), Ask{Room: "yard"}, []string{"another room"}},
		"one of all rooms": {mint(t, "yard", "", Admin), Ask{Room: AllRooms, Grants: []Grant{Admin}}, []string{"yard", "all rooms"}},
		"too few":          {mint(t, "yard", "", View), Ask{Room: "yard", Grants: []Grant{View, Publish}}, []string{"grants view;", "needed is view, publish"}},
		"no admin":         {mint(t, "*", "", View, Publish, Footage), Ask{Room: AllRooms, Grants: []Grant{Admin}}, []string{"needed is admin"}},
		"no grants": {
			sign(secret, hs256, fmt.Sprintf(`{"room":"yard","exp":%d}`, inAnHour())),
			Ask{Room: "yard", Grants: []Grant{View}},
			[]string{"grants nothing"},
		},
	} {
		c.ask.Token = c.token
		_, err := g.Admit(c.ask)
		t.Run(name, func(t *testing.T) { wantCode(t, err, CodeForbidden, c.words...) })
	}
}

// TestExpiryHasALittleLeeway for clocks that differ.
func TestExpiryHasALittleLeeway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(t, nil)
		ask := Ask{Token: mint(t, "yard", "", View), Room: "yard"}
		time.Sleep(time.Hour + leeway - time.Second)
		if _, err := g.Admit(ask); err != nil {
			t.Errorf("within the leeway: %v", err)
		}
		time.Sleep(2 * time.Second)
		_, err := g.Admit(ask)
		wantCode(t, err, CodeUnauthorized, "expired")
	})
}

func TestMintRefusesWhatWouldBeRefused(t *testing.T) {
	good := Pass{Room: "yard", Grants: []Grant{View}, Expires: time.Now().Add(time.Hour)}
	for word, change := range map[string]func(*Secret, *Pass){
		"auth.secret":   func(s *Secret, _ *Pass) { *s = secret[:31] },
		"room":          func(_ *Secret, p *Pass) { p.Room = "" },
		"name":          func(_ *Secret, p *Pass) { p.Name = " Maria" },
		"grant: none":   func(_ *Secret, p *Pass) { p.Grants = nil },
		`grant: "look"`: func(_ *Secret, p *Pass) { p.Grants = []Grant{"look"} },
	} {
		s, p := secret, good
		change(&s, &p)
		if _, err := Mint(s, p); err == nil || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), "accepted") {
			t.Errorf("%s: got %v", word, err)
		} else if strings.Contains(err.Error(), string(s)) {
			t.Errorf("%s: the reason tells the secret: %v", word, err)
		}
	}
}

func TestClaimsAreAsDocumented(t *testing.T) {
	parts := strings.Split(mint(t, "yard", "Maria", View, Publish), ".")
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(body, &c); err != nil {
		t.Fatal(err)
	}
	if c["room"] != "yard" || c["name"] != "Maria" || fmt.Sprint(c["grants"]) != "[view publish]" || c["exp"] == nil {
		t.Errorf("claims %s", body)
	}
}

// FuzzToken: every accepted token has a valid HMAC-SHA-256 of the secret, which the test computes without the library.
func FuzzToken(f *testing.F) {
	for _, body := range []string{`{"room":"yard","grants":["view"],"exp":99999999999}`, `{"room":"*","exp":1e300}`, `{"exp":-1}`, `[]`, `null`} {
		for _, header := range []string{hs256, `{"alg":"none"}`, `{}`, `[`, `{"alg":"HS256","crit":["exp"]}`} {
			f.Add(sign(secret, header, body))
		}
	}
	f.Add("..")
	f.Add(strings.Repeat(".", 100))
	g := guard(f, nil)
	f.Fuzz(func(t *testing.T, token string) {
		p, err := g.read(token)
		if err != nil {
			wantCode(t, err, CodeUnauthorized, "accepted")
			return
		}
		end := strings.LastIndexByte(token, '.')
		shown, err := base64.RawURLEncoding.DecodeString(token[end+1:])
		if err != nil || !hmac.Equal(shown, signature(secret, token[:end])) {
			t.Errorf("%q was let in, for %+v", token, p)
		}
		if p.Room == "" || time.Now().After(p.Expires.Add(leeway)) {
			t.Errorf("%q was let in, for %+v", token, p)
		}
	})
}
