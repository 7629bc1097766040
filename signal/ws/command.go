package ws

import (
	"cmp"
	"context"
	"strings"

	"azulejo/mixer"
	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/session"
	"azulejo/signal/viewing"
)

// handle executes one message of the client.
func (c *client) handle(ctx context.Context, message any) error {
	if err := c.checkOrder(message); err != nil {
		return err
	}
	switch m := message.(type) {
	case joinMessage:
		return c.join(ctx, m)
	case offerMessage:
		return c.offer(m)
	case candidateMessage:
		return c.candidate(m)
	case viewMessage:
		return c.session.Viewer().Select(viewing.Selection(m))
	case defineMessage:
		return c.define(m)
	case muteMessage:
		c.session.Member().Mute(m.Media)
	case leaveMessage:
		return session.ErrLeft
	case pingMessage:
		return c.send(pongMessage{"pong"})
	}
	return nil
}

// checkOrder refuses a second join. Before the join, it refuses all messages except join, leave and ping.
func (c *client) checkOrder(message any) error {
	joined := c.session.Member() != nil
	switch message.(type) {
	case pingMessage, leaveMessage:
		return nil
	case joinMessage:
		if joined {
			return refusal.New(peer.CodeUnexpected, "a second join; accepted now: offer, candidate, view, define, mute, leave, ping; another room needs another connection")
		}
		return nil
	}
	if !joined {
		return refusal.New(peer.CodeUnexpected, "not joined yet; accepted now: join, leave, ping")
	}
	return nil
}

// media returns the media that the client publishes.
func (p publish) media() room.Media { return room.Media{Audio: p.Audio, Video: p.Video} }

// screenSuffix ends the name of a client that publishes a shared screen. The same person may publish a camera with another
// connection, under the name without the suffix.
const screenSuffix = " (screen)"

// admit asks the guard whether the client may join, and returns the name that the client gets. If the token allows only one
// name, a client that publishes a screen may also use this name with screenSuffix.
func (c *client) admit(m joinMessage, token string) (string, error) {
	permit, err := c.h.server.Admit(token, c.info.remote, m.Room, m.Publish.media())
	if err != nil {
		return "", err
	}
	if m.Publish.Screen && permit.Name != "" && strings.TrimSpace(m.Name) == permit.Name+screenSuffix {
		return permit.Name + screenSuffix, nil
	}
	return permit.Named(m.Name)
}

func (c *client) join(ctx context.Context, m joinMessage) error {
	token := cmp.Or(m.Token, c.info.token)
	name, err := c.admit(m, token)
	if err != nil {
		c.log.Debug("join refused", "room", viewing.Clip(m.Room), "error", err)
		return err
	}
	joining := room.Joining{
		Name: name, Key: m.Key, Kind: room.Peer, Screen: m.Publish.Screen, Layers: m.Publish.Layers, Publish: m.Publish.media(),
	}
	if err := c.session.Join(ctx, m.Room, joining, m.Select); err != nil {
		return err
	}
	c.token, c.joinBy = token, nil
	c.info.joined()
	c.log = c.session.Log()
	return c.welcome()
}

// welcome sends a new member the joined message, and then the room's level of overload.
func (c *client) welcome() error {
	member, atJoin := c.session.Member(), c.session.AtJoin()
	servers := append([]peer.ICEServer{}, c.h.server.Engine.ICEServers(member.ID())...)
	if err := c.send(joinedMessage{"joined", member.ID(), member.Room(), servers, atJoin.Participants}); err != nil {
		return err
	}
	return c.sendOverload(atJoin.Overload)
}

// define sets or removes a named view of the room. It answers with all named views that the room then has.
func (c *client) define(m defineMessage) error {
	name, registry := c.session.Member().Room(), c.h.server.Registry
	_, err := c.h.server.Guard.Admit(auth.Ask{Token: c.token, Room: name, Grants: []auth.Grant{auth.Admin}, Remote: c.info.remote})
	if err != nil {
		return err
	}
	if len(m.As) == 0 || string(m.As) == "null" {
		err = registry.DeleteView(name, m.View)
	} else {
		var v mixer.View
		if v, err = viewing.ReadView("as", m.As); err == nil {
			err = registry.SetView(name, m.View, v)
		}
	}
	if err != nil {
		return err
	}
	info, err := registry.Info(name)
	if err != nil {
		return err
	}
	return c.send(viewsMessage{"views", info.Views})
}

// offer answers the client's offer. The first valid offer starts the peer connection. Any later offer restarts ICE; the client
// may then send its candidates again.
func (c *client) offer(m offerMessage) error {
	p := c.session.Peer()
	if p == nil {
		p = c.session.Connect(session.Options{Trickle: true})
	}
	negotiate := p.Answer
	if c.answered {
		negotiate = p.Restart
	}
	answer, err := negotiate(m.SDP)
	if err != nil {
		return err
	}
	c.answered = true
	return c.send(answerMessage{"answer", answer})
}

func (c *client) candidate(m candidateMessage) error {
	p := c.session.Peer()
	if p == nil {
		return refusal.New(peer.CodeUnexpected, "a candidate before the offer; accepted now: offer, view, define, mute, leave, ping")
	}
	return p.AddCandidate(m.Candidate)
}
