package engine

import "sync"

// mailbox holds what the control loop has to do, in order. It is not bounded: nothing in it may be lost, and those who
// send requests wait for their answers.
type mailbox struct {
	mu     sync.Mutex
	jobs   []func()
	more   chan struct{} // has an element when jobs came
	closed bool
}

func newMailbox() *mailbox { return &mailbox{more: make(chan struct{}, 1)} }

// post adds a job. It never blocks; after close it does nothing and returns false.
func (m *mailbox) post(job func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.jobs = append(m.jobs, job)
	select {
	case m.more <- struct{}{}:
	default:
	}
	return true
}

// fetch returns all jobs that wait.
func (m *mailbox) fetch() []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	jobs := m.jobs
	m.jobs = nil
	return jobs
}

// close returns all jobs that wait; later ones are refused.
func (m *mailbox) close() []func() {
	jobs := m.fetch()
	m.mu.Lock()
	defer m.mu.Unlock()
	jobs = append(jobs, m.jobs...)
	m.jobs, m.closed = nil, true
	return jobs
}
