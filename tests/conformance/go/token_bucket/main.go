// Decides events with golang.org/x/time/rate in virtual time.
//
// Reads one limiter per line: its rate per second, its burst, then the arrivals as whole nanoseconds, rising.
// Writes for each line one character per arrival: 1 admitted, 0 refused.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

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
	burst, err := strconv.Atoi(words[1])
	if err != nil {
		return "", err
	}
	limiter := rate.NewLimiter(rate.Limit(perSecond), burst)
	decisions := make([]byte, 0, len(words))
	for _, word := range words[2:] {
		nanoseconds, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return "", err
		}
		decision := byte('0')
		if limiter.AllowN(time.Unix(0, nanoseconds), 1) {
			decision = '1'
		}
		decisions = append(decisions, decision)
	}
	return string(decisions), nil
}
