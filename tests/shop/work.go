package main

import (
	"crypto/sha256"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// draws gives the random numbers that belong to these parts, the same in every run.
func draws(seed uint64, parts ...string) *rand.Rand {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(strings.Join(parts, "\x1f")))
	return rand.New(rand.NewPCG(seed, hash.Sum64()))
}

// gamma draws from the gamma law of that mean and coefficient of variation (Marsaglia and Tsang, A simple
// method for generating gamma variables, ACM TOMS 26, 2000).
func gamma(mean, cv float64, draw *rand.Rand) float64 {
	if cv == 0 {
		return mean
	}
	shape, boost := 1/(cv*cv), 1.0
	if shape < 1 {
		boost = math.Pow(1-draw.Float64(), 1/shape)
		shape++
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := draw.NormFloat64()
		v := math.Pow(1+c*x, 3)
		if v > 0 && math.Log(1-draw.Float64()) < 0.5*x*x+d-d*v+d*math.Log(v) {
			return boost * d * v * mean * cv * cv
		}
	}
}

// work waits, or computes for as much time on a processor.
func work(settings workSettings, slow float64, draw *rand.Rand) {
	length := gamma(settings.Mean*slow, settings.CV, draw)
	if settings.Kind == "cpu" {
		burn(length)
		return
	}
	time.Sleep(seconds(length).duration())
}

func burn(length float64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for end := processorTime() + length; processorTime() < end; {
		sha256.Sum256(make([]byte, 4096))
	}
}

func processorTime() float64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now)
	return float64(now.Sec) + float64(now.Nsec)/1e9
}
