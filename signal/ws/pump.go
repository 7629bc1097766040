package ws

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"azulejo/signal/refusal"
	"azulejo/signal/viewing"
)

const (
	maxMessage = 64 << 10         // bytes of one message of a client
	backlog    = 64               // messages queued for a client
	writeWait  = 10 * time.Second // time limit for writing one message
	farewell   = time.Second      // time limit for the last messages, and for the client's close frame
	unread     = 16 << 20         // most bytes that are read and discarded after the close frame is sent
)

// pump moves messages between the connection and the client's loop. It has one reader and one writer.
type pump struct {
	conn *websocket.Conn
	ping time.Duration

	in     chan received   // from the reader, which closes it at its end
	out    chan any        // to the writer
	newest *viewing.Outbox // to the writer, which sends everything in out first
	stop   chan struct{}   // closed by finish
	gone   chan struct{}   // closed when the writer has ended

	closeFrame []byte // set before stop is closed
	answered   bool   // the client sent a close frame; set by the reader
	work       sync.WaitGroup

	mu       sync.Mutex
	stopping bool // extendDeadline has no effect any more
}

// received is one message, or the error of reading it. The reader ends after a fatal error.
type received struct {
	message any
	err     error
	fatal   bool
}

func newPump(conn *websocket.Conn, ping time.Duration) *pump {
	return &pump{
		conn: conn, ping: ping, in: make(chan received), out: make(chan any, backlog), newest: viewing.NewOutbox(),
		stop: make(chan struct{}), gone: make(chan struct{}),
	}
}

func (p *pump) start() {
	p.work.Go(p.reader)
	p.work.Go(p.writer)
}

// send queues a message. It returns false if the queue is full: the client reads too slowly.
func (p *pump) send(message any) bool {
	select {
	case p.out <- message:
		return true
	default:
		return false
	}
}

// notify queues a message and removes an older message of its kind: a slow client gets only the newest one.
func (p *pump) notify(kind string, message any) { p.newest.Push(kind, message) }

// finish sends the queued messages, then the close frame, and waits for both goroutines. It waits at most 1 s for the
// client's close frame, and discards what the client sends until then. TCP resets a connection that is closed with
// unread bytes, and then the client would lose the server's close frame.
func (p *pump) finish(code int, reason string) {
	p.closeFrame = websocket.FormatCloseMessage(code, reason)
	close(p.stop)
	<-p.gone
	p.finalDeadline()
	p.work.Wait()
	if !p.answered {
		_, _ = io.CopyN(io.Discard, p.conn.NetConn(), unread)
	}
	_ = p.conn.Close()
}

// reader sends the client's messages to the loop. It returns when the connection ends, or after a message that is too
// large.
func (p *pump) reader() {
	defer close(p.in)
	p.extendDeadline()
	p.conn.SetPongHandler(func(string) error { p.extendDeadline(); return nil })
	for {
		r := p.receive()
		select {
		case p.in <- r:
		case <-p.stop:
		}
		if r.fatal {
			return
		}
	}
}

func (p *pump) receive() received {
	message, err := p.read()
	if err == nil {
		return received{message: message}
	}
	var refused *refusal.Error
	var closing *websocket.CloseError
	p.answered = errors.As(err, &closing)
	fatal := !errors.As(err, &refused) || refused.Code == codeTooLarge
	return received{err: err, fatal: fatal}
}

// extendDeadline gives the client three more ping intervals to send something.
func (p *pump) extendDeadline() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopping {
		_ = p.conn.SetReadDeadline(time.Now().Add(3 * p.ping))
	}
}

func (p *pump) finalDeadline() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopping = true
	_ = p.conn.SetReadDeadline(time.Now().Add(farewell))
}

func (p *pump) read() (any, error) {
	messageType, r, err := p.conn.NextReader()
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	p.extendDeadline()
	if len(data) > maxMessage {
		return nil, refusal.New(codeTooLarge, "a message of more than %d bytes; accepted are up to that", maxMessage)
	}
	if messageType != websocket.TextMessage {
		return nil, refusal.New(viewing.CodeBadMessage, "a binary message; accepted are text messages with JSON")
	}
	return parse(data)
}

// writer sends messages and pings until finish is called or the connection fails.
func (p *pump) writer() {
	defer close(p.gone)
	ticker := time.NewTicker(p.ping)
	defer ticker.Stop()
	for {
		select {
		case m := <-p.out:
			if p.write(m) != nil {
				return
			}
		case <-p.newest.Ready():
			if p.writeNewest() != nil {
				return
			}
		case <-ticker.C:
			if p.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait)) != nil {
				return
			}
		case <-p.stop:
			p.drain()
			return
		}
	}
}

// writeNewest sends everything in newest. Before each of these messages it sends everything in out, so that no message
// overtakes one that was queued earlier.
func (p *pump) writeNewest() error {
	for {
		var m any
		select {
		case m = <-p.out:
		default:
			next, ok := p.newest.Pop()
			if !ok {
				return nil
			}
			m = next.Body
		}
		if err := p.write(m); err != nil {
			return err
		}
	}
}

func (p *pump) write(message any) error {
	if err := p.conn.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	return p.conn.WriteJSON(message)
}

// drain sends the messages in out and the close frame, all within one deadline.
func (p *pump) drain() {
	if p.conn.SetWriteDeadline(time.Now().Add(farewell)) != nil {
		return
	}
	for {
		select {
		case m := <-p.out:
			if p.conn.WriteJSON(m) != nil {
				return
			}
		default:
			_ = p.conn.WriteControl(websocket.CloseMessage, p.closeFrame, time.Now().Add(farewell))
			return
		}
	}
}
