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
	backlog    = 64               // messages that wait for a client
	writeWait  = 10 * time.Second // for one message to leave
	farewell   = time.Second      // for a client to read why it was closed
	unread     = 16 << 20         // bytes of a closed client that are read and thrown away
)

// pump moves messages between the connection and the session's loop: one reader, one writer.
type pump struct {
	conn *websocket.Conn
	ping time.Duration

	in   chan received // from the reader; closed when it ends
	out  chan any      // to the writer
	news *viewing.News // to the writer, after what is in out
	stop chan struct{} // closed by finish
	gone chan struct{} // closed when the writer has ended

	goodbye  []byte // the close frame; written before stop is closed
	answered bool   // the client closed too; written by the reader
	work     sync.WaitGroup

	mu       sync.Mutex
	stopping bool // the read deadline is the last one
}

// received is one message, or what was wrong with it. After a fatal one nothing follows.
type received struct {
	message any
	err     error
	fatal   bool
}

func newPump(conn *websocket.Conn, ping time.Duration) *pump {
	return &pump{
		conn: conn, ping: ping, in: make(chan received), out: make(chan any, backlog), news: viewing.NewNews(),
		stop: make(chan struct{}), gone: make(chan struct{}),
	}
}

func (p *pump) begin() {
	p.work.Go(p.reader)
	p.work.Go(p.writer)
}

// send queues a message and tells whether there was room; the client is slow if not.
func (p *pump) send(message any) bool {
	select {
	case p.out <- message:
		return true
	default:
		return false
	}
}

// tell queues a message that replaces an older one of its kind; a slow client gets the newest.
func (p *pump) tell(kind string, message any) { p.news.Put(kind, message) }

// finish sends what is queued, then the close frame, and waits for both goroutines and, for a
// moment, for the client's close frame. What it sends meanwhile is read and thrown away: closing
// on unread bytes would reset the connection and lose the farewell.
func (p *pump) finish(code int, reason string) {
	p.goodbye = websocket.FormatCloseMessage(code, reason)
	close(p.stop)
	<-p.gone
	p.lastDeadline()
	p.work.Wait()
	if !p.answered {
		_, _ = io.CopyN(io.Discard, p.conn.NetConn(), unread)
	}
	_ = p.conn.Close()
}

// reader ends with the connection or a message that is too large.
func (p *pump) reader() {
	defer close(p.in)
	p.alive()
	p.conn.SetPongHandler(func(string) error { p.alive(); return nil })
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
	var mistake *refusal.Error
	var closing *websocket.CloseError
	p.answered = errors.As(err, &closing)
	fatal := !errors.As(err, &mistake) || mistake.Code == codeTooLarge
	return received{err: err, fatal: fatal}
}

// alive moves the time by which the client has to be heard from again.
func (p *pump) alive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopping {
		_ = p.conn.SetReadDeadline(time.Now().Add(3 * p.ping))
	}
}

func (p *pump) lastDeadline() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopping = true
	_ = p.conn.SetReadDeadline(time.Now().Add(farewell))
}

func (p *pump) read() (any, error) {
	kind, r, err := p.conn.NextReader()
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	p.alive()
	if len(data) > maxMessage {
		return nil, refusal.New(codeTooLarge, "a message of more than %d bytes; accepted are up to that", maxMessage)
	}
	if kind != websocket.TextMessage {
		return nil, refusal.New(viewing.CodeBadMessage, "a binary message; accepted are text messages with JSON")
	}
	return parse(data)
}

// writer ends with finish, or when the client cannot be written to.
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
		case <-p.news.Ready():
			if p.writeNews() != nil {
				return
			}
		case <-ticker.C:
			if p.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait)) != nil {
				return
			}
		case <-p.stop:
			p.last()
			return
		}
	}
}

// writeNews sends what is in out first: nothing overtakes what was said before it.
func (p *pump) writeNews() error {
	for {
		var m any
		select {
		case m = <-p.out:
		default:
			b, ok := p.news.Next()
			if !ok {
				return nil
			}
			m = b.Message
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

// last sends what is left and the close frame, all within one deadline.
func (p *pump) last() {
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
			_ = p.conn.WriteControl(websocket.CloseMessage, p.goodbye, time.Now().Add(farewell))
			return
		}
	}
}
