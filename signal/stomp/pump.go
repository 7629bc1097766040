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
	backlog      = 256         // frames queued for a client
	backlogBytes = 1 << 20     // bytes of these frames
	farewell     = time.Second // how long a client that polls has to fetch the last frames
)

// outRate is the most bytes a second that are written to a client. While a client does not poll, SockJS buffers without
// limit, and after 5 s it gives the client up. So this rate bounds the buffer.
const outRate = 1 << 20

// transport is the part of a SockJS session that a pump uses.
type transport interface {
	RecvCtx(ctx context.Context) (string, error)
	Send(message string) error
	Close(status uint32, reason string) error
	ReceiverType() sockjs.ReceiverType
	Context() context.Context
}

// pump moves messages between SockJS and the client's loop. It has one reader and one writer.
type pump struct {
	to     transport
	bounds *bounds

	in   chan string // from the reader, which closes it at its end
	out  chan string // to the writer
	stop chan struct{}
	gone chan struct{} // closed when the writer has ended

	queued atomic.Int64 // bytes in out
	speed  *rate.Limiter
	work   sync.WaitGroup
}

func newPump(to transport, within *bounds) *pump {
	return &pump{
		to: to, bounds: within, in: make(chan string), out: make(chan string, backlog), stop: make(chan struct{}), gone: make(chan struct{}),
		speed: rate.NewLimiter(outRate, 2*maxFrame),
	}
}

func (p *pump) start() {
	p.work.Go(p.reader)
	p.work.Go(p.writer)
}

// send queues a message. It returns false if the queue is full: the client reads too slowly.
func (p *pump) send(message string) bool {
	size := int64(len(message))
	if p.queued.Add(size) > backlogBytes {
		return false
	}
	select {
	case p.out <- message:
		return true
	default:
		return false
	}
}

// reader sends the client's messages to the loop. It returns when the SockJS session ends.
func (p *pump) reader() {
	defer close(p.in)
	for {
		message, err := p.to.RecvCtx(context.Background())
		if err != nil {
			return
		}
		p.bounds.reset()
		select {
		case p.in <- message:
		case <-p.stop: // the message is discarded
		}
	}
}

// writer sends the queued messages until finish is called or SockJS fails.
func (p *pump) writer() {
	defer close(p.gone)
	for {
		select {
		case m := <-p.out:
			if p.write(m) != nil {
				return
			}
		case <-p.stop:
			p.drain()
			return
		}
	}
}

func (p *pump) write(message string) error {
	p.queued.Add(-int64(len(message)))
	if err := p.speed.WaitN(p.to.Context(), min(len(message), 2*maxFrame)); err != nil {
		return err
	}
	return p.to.Send(message)
}

// drain sends the messages that are queued at the end of the session.
func (p *pump) drain() {
	for {
		select {
		case m := <-p.out:
			if p.write(m) != nil {
				return
			}
		default:
			return
		}
	}
}

// finish sends the queued messages, closes the SockJS session, and waits for both goroutines. A client that polls gets 1 s
// to fetch the messages, because SockJS discards them when the session is closed.
func (p *pump) finish(code uint32, why string) {
	close(p.stop)
	<-p.gone
	if receiver := p.to.ReceiverType(); receiver != sockjs.ReceiverTypeWebsocket && receiver != sockjs.ReceiverTypeRawWebsocket {
		select {
		case <-time.After(farewell):
		case <-p.to.Context().Done():
		}
	}
	_ = p.to.Close(code, why) // the client may have closed it
	p.work.Wait()
}
