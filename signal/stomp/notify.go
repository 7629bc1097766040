package stomp

import (
	"azulejo/signal/room"
)

// The dialect knows neither the layout of the mix nor the overload of the room. A client that subscribes to them gets
// the messages of the native dialect.

// notify stores the newest layout message. It drops all other messages of the viewer, which the dialect does not have.
func (m *mixing) notify(kind string, body any) {
	if kind == string(topicLayout) {
		m.layout = body
	}
}

// sendLayout sends the newest layout to the client's subscriptions.
func (m *mixing) sendLayout() error {
	m.session.Viewer().SendLayout()
	return m.publish(topicLayout, m.layout)
}

// event handles an event of the room: it sends the level of overload if that is new. The dialect has no message for
// anything else in the event.
func (m *mixing) event(e room.Event) error {
	overload, isNew := m.session.Overload(e.Overload)
	if !isNew {
		return nil
	}
	m.overload = overload
	return m.publish(topicOverload, m.overload)
}

// publish sends a message to all subscriptions of the client to topic t. Most clients have none.
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
