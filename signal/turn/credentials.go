package turn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // of the TURN REST convention
	"encoding/base64"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"azulejo/signal/network"
)

// Server describes a TURN server and the credentials of one client for it, as RTCIceServer does.
type Server struct {
	URLs       []string
	Username   string // "expiry:user", the expiry in Unix seconds
	Credential string // base64 of HMAC-SHA1 of the username (draft-uberti-behave-turn-rest-00)
}

// LogValue keeps the credential out of logs.
func (s Server) LogValue() slog.Value { return slog.GroupValue(slog.Any("urls", s.URLs)) }

// secret makes credentials and checks them.
type secret struct {
	key      []byte
	realm    string
	lifetime time.Duration
	now      func() time.Time
}

func newSecret(cfg Config) *secret {
	s := &secret{key: []byte(cfg.Secret), realm: cfg.Realm, lifetime: cfg.lifetime(), now: time.Now}
	if cfg.Secret == "" {
		s.key = []byte(rand.Text())
	}
	return s
}

func (s *secret) issue(user string) (username, credential string) {
	username = strconv.FormatInt(s.now().Add(s.lifetime).Unix(), 10) + ":" + user
	return username, s.sign(username)
}

func (s *secret) sign(username string) string {
	mac := hmac.New(sha1.New, s.key)
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// authenticate returns the id of a client, and the key with which its request must be signed. pion compares the
// signatures in constant time. Expired credentials make no new relays, but existing relays go on, because a session may
// last longer than its credentials. The id contains the user and the network, because pion tells AllocatePacketConn
// nothing else about the client.
func (s *secret) authenticate(r *turn.RequestAttributes) (id string, key []byte, ok bool) {
	stamp, user, ok := strings.Cut(r.Username, ":")
	expiry, err := strconv.ParseInt(stamp, 10, 64)
	if !ok || err != nil || user == "" {
		return "", nil, false
	}
	if r.Method == stun.MethodAllocate && s.now().Unix() >= expiry {
		return "", nil, false
	}
	return holder{network.Of(r.SrcAddr.String()), user}.id(), turn.GenerateAuthKey(r.Username, s.realm, s.sign(r.Username)), true
}

// holder is a user in a network; it holds relays.
type holder struct {
	from netip.Prefix
	user string
}

// id returns the id of the holder in pion. A prefix contains no comma.
func (h holder) id() string { return h.from.String() + "," + h.user }

// holderOf returns the holder that has the id. A prefix that cannot be read becomes the zero prefix.
func holderOf(id string) holder {
	text, user, _ := strings.Cut(id, ",")
	from, _ := netip.ParsePrefix(text)
	return holder{from, user}
}
