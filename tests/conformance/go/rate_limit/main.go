// Decides events with golang.org/x/time/rate in virtual time.
//
// Reads one limiter per line: its rate per second, its burst, how many nanoseconds an arrival would wait, then the
// arrivals as whole nanoseconds, rising. Writes for each line one number per arrival: nanoseconds to wait, 0 for
// none, -1 for a refusal.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	_ "unsafe" // for linkname

	"golang.org/x/time/rate"
)

// What Allow, Reserve and Wait all ask, and the only one that takes both the time and the longest wait.
//
//go:linkname reserveN golang.org/x/time/rate.(*Limiter).reserveN
func reserveN(limiter *rate.Limiter, t time.Time, n int, longest time.Duration) rate.Reservation

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		decisions, err := decide(strings.Fields(lines.Text()))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(decisions)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func decide(words []string) (string, error) {
	perSecond, err := strconv.ParseFloat(words[0], 64)
	if err != nil {
		return "", err
	}
	numbers := make([]int64, 0, len(words))
	for _, word := range words[1:] {
		number, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return "", err
		}
		numbers = append(numbers, number)
	}
	limiter := rate.NewLimiter(rate.Limit(perSecond), int(numbers[0]))
	decisions := make([]string, 0, len(words))
	for _, nanoseconds := range numbers[2:] {
		t := time.Unix(0, nanoseconds)
		reservation := reserveN(limiter, t, 1, time.Duration(numbers[1]))
		wait := int64(-1)
		if reservation.OK() {
			wait = int64(reservation.DelayFrom(t))
		}
		decisions = append(decisions, strconv.FormatInt(wait, 10))
	}
	return strings.Join(decisions, " "), nil
}
