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
	backlog      = 256         // the number of frames that can be queued for a client
	backlogBytes = 1 << 20     // the total size of these frames, in bytes
	finalWait    = time.Second // time limit for the last frames of a session, and for the client's data after them
)

// outRate is the maximum rate at which frames are passed to SockJS, in bytes a second. SockJS buffers them without a limit
// while the client does not poll. After Config.Absent without a poll it ends the session. So this rate limits the buffer.
const outRate = 1 << 20

// transport has the methods of a sockjs.Session that a pump uses.
type transport interface {
	RecvCtx(ctx context.Context) (string, error)
	Send(message string) error
	Close(status uint32, reason string) error
	ReceiverType() sockjs.ReceiverType
	Context() context.Context
}

// pump moves messages between a SockJS session and the client's loop. It has two goroutines: reader and writer.
type pump struct {
	transport transport
	bounds    *bounds

	incoming   chan string   // from the reader, which closes the channel when it returns
	outgoing   chan string   // to the writer
	stop       chan struct{} // closed by finish
	writerDone chan struct{} // closed when the writer returns

	queued atomic.Int64  // the size of the messages in outgoing, in bytes
	speed  *rate.Limiter // of bytes to the client, see outRate
	work   sync.WaitGroup
}

func newPump(t transport, b *bounds) *pump {
	return &pump{
		transport: t, bounds: b, incoming: make(chan string), outgoing: make(chan string, backlog),
		stop: make(chan struct{}), writerDone: make(chan struct{}), speed: rate.NewLimiter(outRate, 2*maxFrame),
	}
}

func (p *pump) start() {
	p.work.Go(p.reader)
	p.work.Go(p.writer)
}

// send queues a message. It returns false if the queue is full, because the client reads too slowly.
func (p *pump) send(message string) bool {
	size := int64(len(message))
	if p.queued.Add(size) > backlogBytes {
		return false
	}
	select {
	case p.outgoing <- message:
		return true
	default:
		return false
	}
}

// reader passes the client's messages to the loop. It returns when the SockJS session ends.
func (p *pump) reader() {
	defer close(p.incoming)
	for {
		message, err := p.transport.RecvCtx(context.Background())
		if err != nil {
			return
		}
		p.bounds.reset()
		select {
		case p.incoming <- message:
		case <-p.stop: // the message is discarded
		}
	}
}

// writer sends the queued messages. It returns when finish is called or the SockJS session fails.
func (p *pump) writer() {
	defer close(p.writerDone)
	for {
		select {
		case m := <-p.outgoing:
			if p.write(m) != nil {
				return
			}
		case <-p.stop:
			p.drain()
			return
		}
	}
}

// write passes one message to SockJS, when outRate allows it.
func (p *pump) write(message string) error {
	p.queued.Add(-int64(len(message)))
	if err := p.speed.WaitN(p.transport.Context(), min(len(message), 2*maxFrame)); err != nil {
		return err
	}
	return p.transport.Send(message)
}

// drain sends the messages that are still queued when finish is called.
func (p *pump) drain() {
	for {
		select {
		case m := <-p.outgoing:
			if p.write(m) != nil {
				return
			}
		default:
			return
		}
	}
}

// finish sends the queued messages, closes the SockJS session, and waits for both goroutines. If the client has no
// WebSocket, finish waits 1 s before it closes the session, so that the client can fetch the messages. SockJS discards
// unfetched messages when the session is closed.
func (p *pump) finish(code uint32, text string) {
	close(p.stop)
	<-p.writerDone
	if receiver := p.transport.ReceiverType(); receiver != sockjs.ReceiverTypeWebsocket && receiver != sockjs.ReceiverTypeRawWebsocket {
		select {
		case <-time.After(finalWait):
		case <-p.transport.Context().Done():
		}
	}
	_ = p.transport.Close(code, text) // fails if the client has closed the session
	p.work.Wait()
}
