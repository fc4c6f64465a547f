package main

import (
	"sync"
	"time"
)

// A pool of workers that take jobs from a channel, whose buffer is the queue, and exact accounts of its use.
type pool struct {
	mutex                         sync.Mutex
	jobs                          chan job
	workers, queue, busy, waiting int
	busyS, saturatedS, queuedS    float64
	accounted                     time.Time
}

type job struct {
	run  func(waited time.Duration)
	at   time.Time
	done chan struct{}
}

func newPool() *pool { return &pool{accounted: time.Now()} }

// resize begins anew with other limits; the old workers finish what waits for them.
func (p *pool) resize(workers, queue int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if workers == p.workers && queue == p.queue {
		return
	}
	p.account()
	if p.jobs != nil {
		close(p.jobs)
	}
	p.workers, p.queue, p.jobs = workers, queue, make(chan job, queue)
	for range workers {
		go p.work(p.jobs)
	}
}

// do has a worker run the function and waits for its end; false if there was no place to wait.
func (p *pool) do(run func(waited time.Duration)) bool {
	one := job{run: run, at: time.Now(), done: make(chan struct{})}
	if !p.submit(one) {
		return false
	}
	<-one.done
	return true
}

func (p *pool) submit(one job) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.account()
	select {
	case p.jobs <- one:
		p.waiting++
		return true
	default:
		return false
	}
}

func (p *pool) work(jobs <-chan job) {
	for one := range jobs {
		p.move(+1, -1)
		one.run(time.Since(one.at))
		p.move(-1, 0)
		close(one.done)
	}
}

func (p *pool) move(busy, waiting int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.account()
	p.busy += busy
	p.waiting += waiting
}

// account brings the integrals over time up to now; the caller holds the mutex.
func (p *pool) account() {
	now := time.Now()
	passed := now.Sub(p.accounted).Seconds()
	p.accounted = now
	p.busyS += passed * float64(p.busy)
	p.queuedS += passed * float64(p.waiting)
	if p.busy >= p.workers {
		p.saturatedS += passed
	}
}
