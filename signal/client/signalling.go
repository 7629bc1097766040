package client

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"
)

// The messages of the client.
type (
	joinMessage struct {
		Type    string     `json:"type"`
		Room    string     `json:"room"`
		Name    string     `json:"name"`
		Key     string     `json:"key,omitempty"`
		Token   string     `json:"token,omitempty"`
		Publish publishing `json:"publish"`
		Selection
	}
	publishing struct {
		Media
		Screen bool `json:"screen,omitempty"`
		Layers int  `json:"layers,omitempty"`
	}
	viewMessage struct {
		Type string `json:"type"`
		Selection
	}
	offerMessage struct {
		Type string `json:"type"`
		SDP  string `json:"sdp"`
	}
	candidateMessage struct {
		Type string `json:"type"`
		webrtc.ICECandidateInit
	}
	muteMessage struct {
		Type string `json:"type"`
		Media
	}
	leaveMessage struct {
		Type string `json:"type"`
	}
)

// serverMessage is a message of the server, of any type. It has the fields that most types need.
type serverMessage struct {
	Type         string        `json:"type"`
	ID           string        `json:"id"`
	SDP          string        `json:"sdp"`
	Code         string        `json:"code"`
	Message      string        `json:"message"`
	Participants []Participant `json:"participants"`
}

func (c *Client) send(message any) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.conn.SetWriteDeadline(time.Now().Add(ioTimeout)); err != nil {
		return fmt.Errorf("send to server: %w", err)
	}
	if err := c.conn.WriteJSON(message); err != nil {
		return fmt.Errorf("send to server: %w", err)
	}
	return nil
}

// negotiate joins the room and sends the offer. It waits for joined, which the goroutine of reader closes when the server has
// accepted the join. That goroutine also handles the answer.
func (c *Client) negotiate(ctx context.Context, joined <-chan struct{}) error {
	publish := publishing{Media{Audio: c.cfg.PublishAudio, Video: c.cfg.PublishVideo != ""}, c.cfg.Screen, c.cfg.Layers}
	if err := c.send(joinMessage{"join", c.cfg.Room, c.cfg.Name, c.cfg.Key, c.cfg.Token, publish, c.cfg.Select}); err != nil {
		return err
	}
	select {
	case <-joined:
	case <-c.ctx.Done():
		return c.Err()
	case <-ctx.Done():
		return fmt.Errorf("join room %s: %w", c.cfg.Room, ctx.Err())
	}
	return c.sendOffer()
}

func (c *Client) sendOffer() error {
	candidates := make(chan webrtc.ICECandidateInit, 64)
	c.pc.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate == nil {
			return
		}
		select {
		case candidates <- candidate.ToJSON():
		default: // the first 64 addresses are enough
		}
	})
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		return fmt.Errorf("create offer: %w", err)
	}
	if err := c.pc.SetLocalDescription(offer); err != nil {
		return fmt.Errorf("set local description: %w", err)
	}
	if err := c.send(offerMessage{"offer", offer.SDP}); err != nil {
		return err
	}
	c.start(func() { c.trickle(candidates) })
	return nil
}

// trickle sends candidates of the client until the session is over.
func (c *Client) trickle(candidates <-chan webrtc.ICECandidateInit) {
	for {
		select {
		case <-c.ctx.Done():
			return
		case candidate := <-candidates:
			if c.send(candidateMessage{"candidate", candidate}) != nil {
				return // the reader meets the error, too, and ends the session
			}
		}
	}
}

// reader reads and handles the server's messages until the connection ends. It closes joined after the message joined.
func (c *Client) reader(joined chan<- struct{}) {
	for {
		_, data, err := c.conn.ReadMessage()
		if websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			c.finish(nil)
			return
		}
		if err != nil {
			c.finish(fmt.Errorf("read from server: %w", err))
			return
		}
		var m serverMessage
		if err := json.Unmarshal(data, &m); err != nil {
			c.finish(fmt.Errorf("read from server: %w", err))
			return
		}
		if m.Type == "joined" {
			c.joined(m)
			close(joined)
			continue
		}
		if err := c.handle(m, data); err != nil {
			c.finish(err)
			return
		}
	}
}

func (c *Client) joined(m serverMessage) {
	c.mu.Lock()
	c.id = m.ID
	c.mu.Unlock()
	c.setParticipants(m.Participants)
}

func (c *Client) setParticipants(all []Participant) {
	c.mu.Lock()
	c.participants = all
	c.mu.Unlock()
	if c.cfg.OnParticipants != nil {
		c.cfg.OnParticipants(all)
	}
}

// handle handles a message other than joined. data is the same message as JSON.
func (c *Client) handle(m serverMessage, data []byte) error {
	switch m.Type {
	case "answer":
		if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.SDP}); err != nil {
			return fmt.Errorf("set remote description: %w", err)
		}
	case "candidate":
		var candidate webrtc.ICECandidateInit
		if err := json.Unmarshal(data, &candidate); err != nil {
			return fmt.Errorf("read candidate: %w", err)
		}
		if err := c.pc.AddICECandidate(candidate); err != nil {
			c.cfg.Log.Warn("candidate refused", "candidate", candidate.Candidate, "error", err)
		}
	case "participants":
		c.setParticipants(m.Participants)
	case "error":
		return c.handleError(m)
	default:
		return c.updateStatus(m.Type, data)
	}
	return nil
}

// handleError handles an error message of the server. It returns an error if the session must end. That is so if the client
// is not connected yet, and if the code says that the server closes the session.
func (c *Client) handleError(m serverMessage) error {
	err := &ServerError{Code: m.Code, Message: m.Message}
	select {
	case <-c.connected:
	default:
		return err
	}
	switch m.Code {
	case "replaced", "slow", "closing", "ice_failed", "too_large":
		return err
	}
	c.cfg.Log.Warn("server reported a mistake", "code", m.Code, "message", m.Message)
	if c.cfg.OnError != nil {
		c.cfg.OnError(m.Code, m.Message)
	}
	return nil
}
