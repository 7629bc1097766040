package stomp

import (
	"azulejo/signal/room"
)

// Mesh clients do not expect messages about the layout or about the overload. This server sends them only to a client that has
// subscribed to their topics. They are the messages of the native dialect.

// notify handles a message of the client's viewer. It stores a layout message for sendLayout, and drops all other messages,
// because the dialect does not have them.
func (m *mixing) notify(kind string, body any) {
	if kind == string(topicLayout) {
		m.layout = body
	}
}

// sendLayout sends the newest layout to the client's subscriptions. SendLayout of the viewer calls notify with this layout.
func (m *mixing) sendLayout() error {
	m.session.Viewer().SendLayout()
	return m.publish(topicLayout, m.layout)
}

// event handles an event of the room. It sends the level of overload if the level has changed. The dialect has no messages for
// the other content of the event.
func (m *mixing) event(e room.Event) error {
	overload, isNew := m.session.Overload(e.Overload)
	if !isNew {
		return nil
	}
	m.overload = overload
	return m.publish(topicOverload, m.overload)
}

// publish sends a message to all subscriptions of the client for a topic. Most clients have no such subscription.
func (m *mixing) publish(t topic, body any) error {
	if !m.subscribedTo(t) {
		return nil
	}
	_, err := m.c.deliver(m.destination(t), message{body: asJSON(body)}, true)
	return err
}

// catchUp sends the newest layout or overload to a new subscription for this topic.
func (m *mixing) catchUp(sub subscription) error {
	var body any
	switch {
	case sub.dest == m.destination(topicLayout) && m.session.Peer() != nil:
		body = m.layout
	case sub.dest == m.destination(topicOverload) && m.overload.Level > 0:
		body = m.overload
	}
	if body == nil {
		return nil
	}
	return m.c.write(m.c.messageFrame(sub, message{body: asJSON(body)}))
}
