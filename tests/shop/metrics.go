package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var buckets = []float64{
	0.001, 0.002, 0.004, 0.0075, 0.015, 0.025, 0.04, 0.06, 0.09,
	0.13, 0.2, 0.3, 0.45, 0.7, 1, 1.5, 2.5, 5, 10, 20,
}

var (
	visited = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_server_request_duration_seconds", Buckets: buckets,
		Help: "Time from the arrival of a request to its answer."}, []string{"method", "route", "status_code"})
	tried = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_client_request_duration_seconds", Buckets: buckets,
		Help: "Time of one try at another service."}, []string{"server", "outcome"})
	retries = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "http_client_retries_total", Help: "Tries after the first at another service."}, []string{"server"})
	refusals = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "http_server_refused_total", Help: "Requests answered without work."}, []string{"reason"})
	waits = promauto.NewHistogram(prometheus.HistogramOpts{
		Name: "worker_pool_wait_seconds", Buckets: buckets,
		Help: "Time waited for a worker, by those who got one."})
)

// watchPool has the pool's state and integrals read at every scrape.
func watchPool(p *pool) {
	for _, reason := range []string{"limit", "queue", "deadline"} {
		refusals.WithLabelValues(reason)
	}
	read := func(value func() float64) func() float64 {
		return func() float64 {
			p.mutex.Lock()
			defer p.mutex.Unlock()
			p.account()
			return value()
		}
	}
	gauge := func(name, help string, value func() float64) {
		promauto.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read(value))
	}
	counter := func(name, help string, value func() float64) {
		promauto.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read(value))
	}
	gauge("worker_pool_size", "Workers.", func() float64 { return float64(p.workers) })
	gauge("worker_pool_busy", "Workers held by a visit.", func() float64 { return float64(p.busy) })
	gauge("worker_pool_queue_length", "Visits that wait for a worker.", func() float64 { return float64(p.waiting) })
	gauge("worker_pool_queue_limit", "Places to wait for a worker.", func() float64 { return float64(p.queue) })
	counter("worker_pool_busy_seconds_total", "Integral of the busy workers.", func() float64 { return p.busyS })
	counter("worker_pool_saturated_seconds_total", "Time in which all workers were busy.",
		func() float64 { return p.saturatedS })
	counter("worker_pool_queue_seconds_total", "Integral of the queue length.", func() float64 { return p.queuedS })
}
