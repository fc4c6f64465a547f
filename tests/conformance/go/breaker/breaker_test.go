// Decides events with sony/gobreaker in virtual time: a test, since only testing/synctest gives it a false clock.
//
// Reads one breaker per line: failures in a row that open it, Interval and Timeout in nanoseconds, MaxRequests; then
// the events, with times rising, as "nanoseconds,what,try": ask, success, failure, release.
//
// Writes for each line two characters per event: what came of it, 1 let through, 0 refused, + told, - not, since that
// try was refused; then the state after it, C, O or H.
package breaker

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"
)

var (
	errFailed    = errors.New("failed")
	errAbandoned = errors.New("abandoned")
)

func TestDecide(t *testing.T) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		synctest.Test(t, func(t *testing.T) {
			decisions, err := decide(words)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Println(decisions)
		})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func decide(words []string) (string, error) {
	var settings [4]int64
	for i := range settings {
		number, err := strconv.ParseInt(words[i], 10, 64)
		if err != nil {
			return "", err
		}
		settings[i] = number
	}
	began, state := time.Now(), byte('C')
	breaker := gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		MaxRequests: uint32(settings[3]),
		Interval:    time.Duration(settings[1]),
		Timeout:     time.Duration(settings[2]),
		ReadyToTrip: func(counts gobreaker.Counts) bool { return int64(counts.ConsecutiveFailures) >= settings[0] },
		IsExcluded:  func(err error) bool { return errors.Is(err, errAbandoned) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			state = map[gobreaker.State]byte{
				gobreaker.StateClosed: 'C', gobreaker.StateOpen: 'O', gobreaker.StateHalfOpen: 'H',
			}[to]
		},
	})
	let := make(map[string]func(error))
	decisions := make([]byte, 0, 2*len(words))
	for _, word := range words[4:] {
		event := strings.Split(word, ",")
		nanoseconds, err := strconv.ParseInt(event[0], 10, 64)
		if err != nil {
			return "", err
		}
		time.Sleep(time.Until(began.Add(time.Duration(nanoseconds))))
		decision := byte('-')
		if event[1] == "ask" {
			decision = '0'
			if done, err := breaker.Allow(); err == nil {
				let[event[2]], decision = done, '1'
			}
		} else if done, was := let[event[2]]; was {
			done(map[string]error{"success": nil, "failure": errFailed, "release": errAbandoned}[event[1]])
			decision = '+'
		}
		decisions = append(decisions, decision, state)
	}
	return string(decisions), nil
}
