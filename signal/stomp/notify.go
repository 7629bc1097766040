package stomp

import (
	"azulejo/signal/room"
)

// The layout of the mix and the overload of the room are no part of the dialect. A client that subscribes to them gets
// the messages of the native dialect.

// notify stores the newest layout; the dialect has no other message of the viewer.
func (m *mixing) notify(kind string, body any) {
	if kind == string(topicLayout) {
		m.layout = body
	}
}

// sendLayout publishes the newest layout.
func (m *mixing) sendLayout() error {
	m.session.Viewer().SendLayout()
	return m.publish(topicLayout, m.layout)
}

// event follows the state of the room. The dialect only publishes the overload.
func (m *mixing) event(e room.Event) error {
	overload, isNew := m.session.Overload(e.Overload)
	if !isNew {
		return nil
	}
	m.overload = overload
	return m.publish(topicOverload, m.overload)
}

// publish sends a message to all subscriptions of the client to t; most clients have none.
func (m *mixing) publish(t topic, body any) error {
	if !m.subscribedTo(t) {
		return nil
	}
	_, err := m.c.deliver(m.topic(t), message{body: asJSON(body)}, true)
	return err
}

// catchUp sends the newest layout or overload to a new subscription.
func (m *mixing) catchUp(sub subscription) error {
	var body any
	switch {
	case sub.to == m.topic(topicLayout) && m.session.Peer() != nil:
		body = m.layout
	case sub.to == m.topic(topicOverload) && m.overload.Level > 0:
		body = m.overload
	}
	if body == nil {
		return nil
	}
	return m.c.write(m.c.messageFrame(sub, message{body: asJSON(body)}))
}
