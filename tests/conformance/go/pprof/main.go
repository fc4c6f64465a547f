// Command pprof is a small shop that computes, locks, allocates and serves its profiles; it prints its address.
package main

import (
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"runtime"
	"sync"
	"time"
)

var (
	till sync.Mutex
	sold [][]byte
)

func order() {
	for {
		digest := sha256.Sum256(make([]byte, 1<<18))
		till.Lock()
		sold = append(sold[len(sold)/1000:], digest[:])
		time.Sleep(time.Millisecond)
		till.Unlock()
	}
}

func main() {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	for range 2 {
		go order()
	}
	go func() { <-make(chan bool) }()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr())
	panic(http.Serve(listener, nil))
}
