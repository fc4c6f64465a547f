// Decides events with the retryThrottling of grpc-go, which does not look at time.
//
// Reads one throttle per line: its tokens, its ratio, then the events in one word: o a call succeeded, x one failed
// in a way that may be retried. Writes for each line one character per event: 1 if it may be retried, 0 if not, . for
// a success.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync"
	_ "unsafe" // for linkname

	_ "google.golang.org/grpc"
)

// The fields of grpc's own type in the version of go.mod.
type retryThrottler struct {
	max, thresh, ratio float64
	mu                 sync.Mutex
	tokens             float64
}

//go:linkname throttle google.golang.org/grpc.(*retryThrottler).throttle
func throttle(*retryThrottler) bool

//go:linkname successfulRPC google.golang.org/grpc.(*retryThrottler).successfulRPC
func successfulRPC(*retryThrottler)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var events string
		var throttler retryThrottler
		if _, err := fmt.Sscan(lines.Text(), &throttler.max, &throttler.ratio, &events); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		throttler.tokens, throttler.thresh = throttler.max, throttler.max/2
		fmt.Println(decide(&throttler, events))
	}
}

func decide(throttler *retryThrottler, events string) string {
	var decisions strings.Builder
	for _, event := range events {
		switch {
		case event == 'o':
			successfulRPC(throttler)
			decisions.WriteByte('.')
		case throttle(throttler):
			decisions.WriteByte('0')
		default:
			decisions.WriteByte('1')
		}
	}
	return decisions.String()
}
