package stomp

import (
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

// What the picture shows and how far the room is degraded are not part of the dialect: clients that subscribe to them
// are told what the native ones are.

// picture follows what the pictures of a link show.
type picture struct {
	*viewing.Picture
	layout any // the newest; nil before there was one
}

func (m *mixing) newPicture() *picture {
	p := &picture{}
	p.Picture = viewing.NewPicture(m.s.h.registry, func(kind string, message any) {
		if kind == string(topicLayout) {
			p.layout = message
		}
	})
	_ = p.Begin(m.member, viewing.Selection{}) // main, which is always there
	return p
}

// showLayout tells what the pictures show from now on.
func (m *mixing) showLayout() error {
	p := m.link.picture
	p.ShowLayout()
	return m.publish(topicLayout, p.layout)
}

// event follows the state of the room, of which only the overload is told.
func (m *mixing) event(e room.Event) error {
	if m == nil || e.Overload == m.overload {
		return nil
	}
	m.overload = e.Overload
	return m.publish(topicOverload, m.overloaded())
}

func (m *mixing) overloaded() viewing.Overload {
	return viewing.Overload{Type: string(topicOverload), Level: m.overload}
}

// publish tells all subscriptions of the client to t, of which most have none.
func (m *mixing) publish(t topic, body any) error {
	if !m.hears(t) {
		return nil
	}
	_, err := m.s.deliver(m.topic(t), message{body: asJSON(body)}, true)
	return err
}

// catchUp tells a new subscription what was told before it.
func (m *mixing) catchUp(sub subscription) error {
	var body any
	switch {
	case sub.to == m.topic(topicLayout) && m.link != nil:
		body = m.link.picture.layout
	case sub.to == m.topic(topicOverload) && m.overload > 0:
		body = m.overloaded()
	}
	if body == nil {
		return nil
	}
	return m.s.write(m.s.messageFrame(sub, message{body: asJSON(body)}))
}

// layouts is nil, and never ready, while there are no pictures; m may be nil.
func (m *mixing) layouts() <-chan struct{} {
	if m == nil || m.link == nil {
		return nil
	}
	return m.link.picture.Layouts()
}
