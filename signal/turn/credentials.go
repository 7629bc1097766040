package turn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // required by the TURN REST convention
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

// Server has the URLs of TURN servers and one client's credentials, like the RTCIceServer of WebRTC.
type Server struct {
	URLs       []string
	Username   string // "expiry:user"; the expiry is in Unix seconds
	Credential string // the base64 of the username's HMAC-SHA1 (draft-uberti-behave-turn-rest-00)
}

// LogValue keeps the credential out of logs.
func (s Server) LogValue() slog.Value { return slog.GroupValue(slog.Any("urls", s.URLs)) }

// secret makes and checks credentials.
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

// issue returns the credentials of one user. They expire after the lifetime.
func (s *secret) issue(user string) (username, credential string) {
	username = strconv.FormatInt(s.now().Add(s.lifetime).Unix(), 10) + ":" + user
	return username, s.sign(username)
}

func (s *secret) sign(username string) string {
	mac := hmac.New(sha1.New, s.key)
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// authenticate is pion's AuthHandler. It returns the id of the client, and the key with which the client must have signed the
// request. pion compares the signatures in constant time.
//
// A client cannot make relays with expired credentials. It can still use the relays that it has, because a session may last
// longer than its credentials. The id contains the user and the network: pion passes only this id to AllocatePacketConn.
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

// holder identifies the client that holds a relay: its user name and its network.
type holder struct {
	network netip.Prefix
	user    string
}

// id returns the holder as the UserID of pion, "network,user". The text of a network contains no comma.
func (h holder) id() string { return h.network.String() + "," + h.user }

// holderOf returns the holder with the given id. A network that cannot be parsed becomes the zero Prefix, as in [network.Of].
func holderOf(id string) holder {
	text, user, _ := strings.Cut(id, ",")
	prefix, _ := netip.ParsePrefix(text)
	return holder{prefix, user}
}
