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

// handle executes one message.
func (c *client) handle(ctx context.Context, message any) error {
	if err := c.inOrder(message); err != nil {
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

// inOrder refuses a second join, and any message before the join that is not allowed there.
func (c *client) inOrder(message any) error {
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

// media returns what the client publishes.
func (p publish) media() room.Media { return room.Media{Audio: p.Audio, Video: p.Video} }

// screenSuffix is the end of the name of a client that shares a screen, while another client of the same person
// publishes the camera.
const screenSuffix = " (screen)"

// admit asks the guard, and returns the name that the token allows. A client whose token has a name may add
// screenSuffix to it.
func (c *client) admit(m joinMessage, token string) (string, error) {
	permit, err := c.h.server.Admit(token, c.origin.remote, m.Room, m.Publish.media())
	if err != nil {
		return "", err
	}
	if m.Publish.Screen && permit.Name != "" && strings.TrimSpace(m.Name) == permit.Name+screenSuffix {
		return permit.Name + screenSuffix, nil
	}
	return permit.Named(m.Name)
}

func (c *client) join(ctx context.Context, m joinMessage) error {
	token := cmp.Or(m.Token, c.origin.token)
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
	c.origin.joined()
	c.log = c.session.Log()
	return c.welcome()
}

// welcome sends a new member its id, the ICE servers, the participants and the level of overload.
func (c *client) welcome() error {
	member, now := c.session.Member(), c.session.AtJoin()
	servers := append([]peer.ICEServer{}, c.h.server.Engine.ICEServers(member.ID())...)
	if err := c.send(joinedMessage{"joined", member.ID(), member.Room(), servers, now.Participants}); err != nil {
		return err
	}
	return c.sendOverload(now.Overload)
}

// define sets or removes a named view of the room, and answers with the views that the room has afterwards.
func (c *client) define(m defineMessage) error {
	name, registry := c.session.Member().Room(), c.h.server.Registry
	_, err := c.h.server.Guard.Admit(auth.Ask{Token: c.token, Room: name, Grants: []auth.Grant{auth.Admin}, Remote: c.origin.remote})
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

// offer answers the client's offer. The first valid offer starts the connection. Any later one restarts ICE, after
// which the client may send all its candidates again.
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
