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
	maxMessage = 64 << 10         // the largest size of a client's message, in bytes
	backlog    = 64               // the number of messages that can be queued for a client
	writeWait  = 10 * time.Second // time limit for writing one message
	finalWait  = time.Second      // time limit for the last messages, and for the client's close frame
	maxDiscard = 16 << 20         // the largest number of bytes that are discarded after the close frame is sent
)

// pump moves messages between the WebSocket connection and the client's loop. It has two goroutines: reader and writer.
type pump struct {
	conn *websocket.Conn
	ping time.Duration

	incoming   chan received   // from the reader, which closes the channel when it returns
	outgoing   chan any        // to the writer
	newest     *viewing.Outbox // to the writer, which sends all messages in outgoing first
	stop       chan struct{}   // closed by finish
	writerDone chan struct{}   // closed when the writer returns

	closeFrame   []byte // set before stop is closed
	clientClosed bool   // the client has sent a close frame, or closed the TCP connection; set by the reader
	work         sync.WaitGroup

	mu       sync.Mutex
	stopping bool // set by finalDeadline: extendDeadline has no effect
}

// received is one message of the client, or an error of reading or decoding it.
type received struct {
	message any
	err     error
	fatal   bool // the reader ends after this error
}

func newPump(conn *websocket.Conn, ping time.Duration) *pump {
	return &pump{
		conn: conn, ping: ping, incoming: make(chan received), outgoing: make(chan any, backlog), newest: viewing.NewOutbox(),
		stop: make(chan struct{}), writerDone: make(chan struct{}),
	}
}

func (p *pump) start() {
	p.work.Go(p.reader)
	p.work.Go(p.writer)
}

// send queues a message. It returns false if the queue is full, because the client reads too slowly.
func (p *pump) send(message any) bool {
	select {
	case p.outgoing <- message:
		return true
	default:
		return false
	}
}

// notify queues a message and removes an older queued message of the same kind. A slow client gets only the newest one.
func (p *pump) notify(kind string, message any) { p.newest.Push(kind, message) }

// finish sends the queued messages and the close frame, waits for both goroutines, and closes the connection. It waits up to
// 1 s for the client's close frame, and discards all data that arrives before this frame. Without that, TCP would reset a
// connection that has unread data, and the client could lose the server's close frame.
func (p *pump) finish(code int, reason string) {
	p.closeFrame = websocket.FormatCloseMessage(code, reason)
	close(p.stop)
	<-p.writerDone
	p.finalDeadline()
	p.work.Wait()
	if !p.clientClosed {
		_, _ = io.CopyN(io.Discard, p.conn.NetConn(), maxDiscard)
	}
	_ = p.conn.Close()
}

// reader passes the client's messages to the loop. It returns when the connection ends, or after a message that is too
// large.
func (p *pump) reader() {
	defer close(p.incoming)
	p.extendDeadline()
	p.conn.SetPongHandler(func(string) error { p.extendDeadline(); return nil })
	for {
		r := p.receive()
		select {
		case p.incoming <- r:
		case <-p.stop:
		}
		if r.fatal {
			return
		}
	}
}

// receive reads one message, and decides whether an error is fatal.
func (p *pump) receive() received {
	message, err := p.read()
	if err == nil {
		return received{message: message}
	}
	var refused *refusal.Error
	var closing *websocket.CloseError
	p.clientClosed = errors.As(err, &closing)
	fatal := !errors.As(err, &refused) || refused.Code == codeTooLarge
	return received{err: err, fatal: fatal}
}

// extendDeadline sets the read deadline to three ping intervals from now. After finalDeadline it does nothing.
func (p *pump) extendDeadline() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopping {
		_ = p.conn.SetReadDeadline(time.Now().Add(3 * p.ping))
	}
}

// finalDeadline sets the last read deadline, for the client's close frame.
func (p *pump) finalDeadline() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopping = true
	_ = p.conn.SetReadDeadline(time.Now().Add(finalWait))
}

// read reads and decodes one message. A mistake of the client gives a [refusal.Error].
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

// writer sends the queued messages and pings. It returns when finish is called or the connection fails.
func (p *pump) writer() {
	defer close(p.writerDone)
	ticker := time.NewTicker(p.ping)
	defer ticker.Stop()
	for {
		select {
		case m := <-p.outgoing:
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

// writeNewest sends all messages in newest. Before each of them it sends all messages in outgoing, so that no message in
// newest is sent before a message that was queued earlier.
func (p *pump) writeNewest() error {
	for {
		var m any
		select {
		case m = <-p.outgoing:
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

// drain sends the messages in outgoing and then the close frame, all within the time finalWait. It does not send the messages
// in newest.
func (p *pump) drain() {
	if p.conn.SetWriteDeadline(time.Now().Add(finalWait)) != nil {
		return
	}
	for {
		select {
		case m := <-p.outgoing:
			if p.conn.WriteJSON(m) != nil {
				return
			}
		default:
			_ = p.conn.WriteControl(websocket.CloseMessage, p.closeFrame, time.Now().Add(finalWait))
			return
		}
	}
}
