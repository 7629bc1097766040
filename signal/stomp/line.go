package stomp

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/igm/sockjs-go/v3/sockjs"
	"golang.org/x/time/rate"
)

const (
	backlog      = 256         // frames that wait for a client
	backlogBytes = 1 << 20     // and all their bytes
	farewell     = time.Second // for a client that polls to fetch why it was closed
)

// outRate is how fast a client is written to at most, in bytes a second. SockJS keeps what is written while a client
// that polls does not; it gives the client up after five seconds, so this bounds what it keeps.
const outRate = 1 << 20

// transport is a SockJS session as we use it.
type transport interface {
	RecvCtx(ctx context.Context) (string, error)
	Send(message string) error
	Close(status uint32, reason string) error
	ReceiverType() sockjs.ReceiverType
	Context() context.Context
}

// line moves messages between SockJS and the session's loop: one reader, one writer.
type line struct {
	to   transport
	lane *lane

	in   chan string // from the reader; closed when it ends
	out  chan string // to the writer
	stop chan struct{}
	gone chan struct{} // closed when the writer has ended

	queued atomic.Int64 // bytes in out
	speed  *rate.Limiter
	work   sync.WaitGroup
}

func newLine(to transport, on *lane) *line {
	return &line{
		to: to, lane: on, in: make(chan string), out: make(chan string, backlog), stop: make(chan struct{}), gone: make(chan struct{}),
		speed: rate.NewLimiter(outRate, 2*maxFrame),
	}
}

func (l *line) begin() {
	l.work.Go(l.reader)
	l.work.Go(l.writer)
}

// send queues a message and tells whether there was room; the client is slow if not.
func (l *line) send(message string) bool {
	size := int64(len(message))
	if l.queued.Add(size) > backlogBytes {
		return false
	}
	select {
	case l.out <- message:
		return true
	default:
		return false
	}
}

// reader ends with the SockJS session.
func (l *line) reader() {
	defer close(l.in)
	for {
		message, err := l.to.RecvCtx(context.Background())
		if err != nil {
			return
		}
		l.lane.reset()
		select {
		case l.in <- message:
		case <-l.stop: // it is thrown away
		}
	}
}

// writer ends with finish, or when the client cannot be written to.
func (l *line) writer() {
	defer close(l.gone)
	for {
		select {
		case m := <-l.out:
			if l.write(m) != nil {
				return
			}
		case <-l.stop:
			l.last()
			return
		}
	}
}

func (l *line) write(message string) error {
	l.queued.Add(-int64(len(message)))
	if err := l.speed.WaitN(l.to.Context(), min(len(message), 2*maxFrame)); err != nil {
		return err
	}
	return l.to.Send(message)
}

// last sends what is left.
func (l *line) last() {
	for {
		select {
		case m := <-l.out:
			if l.write(m) != nil {
				return
			}
		default:
			return
		}
	}
}

// finish sends what is queued, closes, and waits for both goroutines. SockJS throws away what a client that polls
// has not fetched when the session is closed, so one of those gets a moment.
func (l *line) finish(code uint32, why string) {
	close(l.stop)
	<-l.gone
	if kind := l.to.ReceiverType(); kind != sockjs.ReceiverTypeWebsocket && kind != sockjs.ReceiverTypeRawWebsocket {
		select {
		case <-time.After(farewell):
		case <-l.to.Context().Done():
		}
	}
	_ = l.to.Close(code, why) // it may be closed already
	l.work.Wait()
}
