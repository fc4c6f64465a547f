package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/sony/gobreaker/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

type breaker = gobreaker.CircuitBreaker[string]

var errFailed = errors.New("failed")

func newBreakers(given map[string]breakerSettings) map[string]*breaker {
	made := map[string]*breaker{}
	for to, b := range given {
		made[to] = gobreaker.NewCircuitBreaker[string](gobreaker.Settings{
			Name: to, MaxRequests: b.Trials, Timeout: b.Open.duration(),
			ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= b.Failures },
		})
	}
	return made
}

// call tries until one try succeeds, and gives the status for the caller.
func (s *service) call(ctx context.Context, now *state, c callSettings, r request) int {
	for tries := range c.Attempts {
		pause := c.pause(tries, now.seed, s.name, r)
		if passed(r.deadline, pause) {
			return http.StatusGatewayTimeout
		}
		time.Sleep(pause)
		onward := request{r.id, fmt.Sprintf("%s.%s%d", r.path, c.to, tries), r.deadline}
		outcome := s.protected(now.breakers[c.to], func() string { return s.try(ctx, c, onward, tries) })
		if outcome == "200" {
			return http.StatusOK
		}
		if outcome == "429" {
			break
		}
	}
	if passed(r.deadline, 0) {
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// pause doubles with every retry and is shortened by a random share of up to the jitter.
func (c callSettings) pause(tries int, seed uint64, name string, r request) time.Duration {
	if tries == 0 {
		return 0
	}
	draw := draws(seed, name, r.id, r.path, "backoff", c.to, strconv.Itoa(tries)).Float64()
	return time.Duration(float64(c.Backoff.duration()) * float64(int(1)<<(tries-1)) * (1 - c.Jitter*draw))
}

// protected asks the breaker, if there is one; a 429 is no failure to it.
func (s *service) protected(b *breaker, try func() string) string {
	if b == nil {
		return try()
	}
	outcome, err := b.Execute(func() (string, error) {
		outcome := try()
		if outcome == "200" || outcome == "429" {
			return outcome, nil
		}
		return outcome, errFailed
	})
	if err != nil && !errors.Is(err, errFailed) {
		return "open"
	}
	return outcome
}

// try sends one request, and gives the status of the answer, "timeout" or "error".
func (s *service) try(ctx context.Context, c callSettings, r request, tries int) string {
	start := time.Now()
	expires := r.deadline
	if c.Timeout > 0 {
		expires = sooner(expires, start.Add(c.Timeout.duration()))
	}
	if !expires.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, expires)
		defer cancel()
	}
	ctx, span := s.tracer.Start(ctx, "GET /"+c.to, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithTimestamp(start), trace.WithAttributes(
			attribute.String("http.request.method", "GET"), attribute.String("server.address", c.to),
			attribute.Int("http.request.resend_count", tries)))
	if tries > 0 {
		retries.WithLabelValues(c.to).Inc()
	}
	outcome := s.send(ctx, c.to, r)
	took := time.Since(start)
	if code, err := strconv.Atoi(outcome); err == nil {
		span.SetAttributes(attribute.Int("http.response.status_code", code))
	}
	kind := "ok"
	if outcome != "200" {
		span.SetAttributes(attribute.String("error.type", outcome))
		span.SetStatus(codes.Error, "")
		kind = "error"
	}
	if outcome == "timeout" {
		kind = outcome
	}
	span.End(trace.WithTimestamp(start.Add(took)))
	tried.WithLabelValues(c.to, kind).Observe(took.Seconds())
	return outcome
}

func (s *service) send(ctx context.Context, to string, r request) string {
	out, err := http.NewRequestWithContext(ctx, http.MethodGet, s.peers[to]+"/"+to, nil)
	if err != nil {
		return "error"
	}
	out.Header.Set(requestID, r.id)
	out.Header.Set(tryPath, r.path)
	if !r.deadline.IsZero() {
		out.Header.Set(remaining, strconv.FormatFloat(time.Until(r.deadline).Seconds(), 'f', 6, 64))
	}
	propagator.Inject(ctx, propagation.HeaderCarrier(out.Header))
	answer, err := s.client.Do(out)
	if err == nil {
		_, err = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case err != nil:
		return "error"
	}
	return strconv.Itoa(answer.StatusCode)
}
