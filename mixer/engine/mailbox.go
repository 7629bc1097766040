package engine

import "sync"

// mailbox is the queue of jobs for the control loop. It is not bounded, because no job may be lost. It stays short, because
// the hub's callers wait for the answers to their requests. Safe for concurrent use.
type mailbox struct {
	mu     sync.Mutex
	jobs   []func()
	more   chan struct{} // holds at most one value, which says that there may be jobs to fetch
	closed bool
}

func newMailbox() *mailbox { return &mailbox{more: make(chan struct{}, 1)} }

// post adds a job and returns true. It never blocks. After close it adds nothing and returns false.
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

// fetch removes all jobs and returns them.
func (m *mailbox) fetch() []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	jobs := m.jobs
	m.jobs = nil
	return jobs
}

// close removes all jobs and returns them. After that, post refuses jobs.
func (m *mailbox) close() []func() {
	jobs := m.fetch()
	m.mu.Lock()
	defer m.mu.Unlock()
	jobs = append(jobs, m.jobs...)
	m.jobs, m.closed = nil, true
	return jobs
}
