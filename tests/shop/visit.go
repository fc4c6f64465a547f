package main

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"
)

const (
	requestID = "x-request-id"
	tryPath   = "x-attempt-path"
	remaining = "x-deadline-remaining-s"
)

var propagator = propagation.TraceContext{}

// A service at work, its settings and breakers replaced as a whole when the files change.
type service struct {
	name   string
	peers  map[string]string
	tracer trace.Tracer
	client *http.Client
	pool   *pool
	door   *rate.Limiter
	state  atomic.Pointer[state]
	fault  atomic.Pointer[fault]
	visits atomic.Int64
}

type state struct {
	serviceSettings
	seed     uint64
	digest   string
	breakers map[string]*breaker
}

// A request as it reaches a service: its id, the tries that led here, and when its caller's deadline is.
type request struct {
	id, path string
	deadline time.Time
}

// Status, the time waited for a worker (negative if none was got) and why it was refused, if it was.
type answer struct {
	status  int
	waited  time.Duration
	refused string
}

func newService(name string, peers map[string]string, tracer trace.Tracer) *service {
	transport := &http.Transport{MaxIdleConnsPerHost: 4096, IdleConnTimeout: time.Hour}
	s := &service{name: name, peers: peers, tracer: tracer, client: &http.Client{Transport: transport}}
	s.pool, s.door = newPool(), rate.NewLimiter(rate.Inf, 1)
	s.fault.Store(&fault{Slow: 1})
	watchPool(s.pool)
	return s
}

func (s *service) change(own serviceSettings, breaking map[string]breakerSettings, seed uint64, digest string) {
	s.pool.resize(own.Workers, own.Queue)
	limit := rate.Inf
	if own.Limit.Rate > 0 {
		limit = rate.Limit(own.Limit.Rate)
	}
	s.door.SetLimit(limit)
	s.door.SetBurst(own.Limit.Burst)
	s.state.Store(&state{own, seed, digest, newBreakers(breaking)})
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	s.visits.Add(1)
	if s.fault.Load().Hanging {
		<-r.Context().Done()
		return
	}
	// A visit goes on when its caller hangs up.
	ctx := propagator.Extract(context.WithoutCancel(r.Context()), propagation.HeaderCarrier(r.Header))
	ctx, span := s.tracer.Start(ctx, "GET /"+s.name, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithTimestamp(start), trace.WithAttributes(
			attribute.String("http.request.method", "GET"), attribute.String("http.route", "/"+s.name)))
	given := s.visit(ctx, asked(r, start))
	took := time.Since(start)
	span.SetAttributes(attribute.Int("http.response.status_code", given.status))
	if given.waited >= 0 {
		span.SetAttributes(attribute.Float64("worker_pool.wait_s", given.waited.Seconds()))
		waits.Observe(given.waited.Seconds())
	}
	if given.refused != "" {
		refusals.WithLabelValues(given.refused).Inc()
	}
	if given.status >= 500 {
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(start.Add(took)))
	visited.WithLabelValues("GET", "/"+s.name, strconv.Itoa(given.status)).Observe(took.Seconds())
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(given.status)
	_, _ = w.Write([]byte("{}"))
}

func asked(r *http.Request, now time.Time) request {
	found := request{id: r.Header.Get(requestID), path: r.Header.Get(tryPath)}
	if left, err := strconv.ParseFloat(r.Header.Get(remaining), 64); err == nil {
		found.deadline = now.Add(seconds(left).duration())
	}
	return found
}

// visit limits, queues, works and calls the others, in that order.
func (s *service) visit(ctx context.Context, r request) answer {
	now, fault := s.state.Load(), s.fault.Load()
	if draws(now.seed, s.name, r.id, r.path, "failing").Float64() < fault.Failing {
		return answer{status: http.StatusInternalServerError, waited: -1}
	}
	if !s.door.Allow() {
		return answer{http.StatusTooManyRequests, -1, "limit"}
	}
	if now.Deadline > 0 {
		r.deadline = sooner(r.deadline, time.Now().Add(now.Deadline.duration()))
	}
	given := answer{http.StatusServiceUnavailable, -1, "queue"}
	s.pool.do(func(waited time.Duration) {
		given = answer{status: http.StatusOK, waited: waited}
		if passed(r.deadline, 0) {
			given.status, given.refused = http.StatusGatewayTimeout, "deadline"
			return
		}
		work(now.Work, fault.Slow, draws(now.seed, s.name, r.id, r.path, "work"))
		for _, call := range now.Calls {
			if given.status = s.call(ctx, now, call, r); given.status != http.StatusOK {
				return
			}
		}
	})
	return given
}

// sooner gives the earlier of two times; the zero time is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// passed tells whether a deadline will have come after the pause.
func passed(deadline time.Time, pause time.Duration) bool {
	return !deadline.IsZero() && !time.Now().Add(pause).Before(deadline)
}
