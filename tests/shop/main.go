// A small shop of real Go services, gateway → orders → payments, that takes the place of the lab's.
//
// One binary, started as the lab starts its services, plays the service that is named first:
//
//	shop gateway RUN --socket 3 --peers '{"gateway": "http://127.0.0.1:8001", …}' --parent 4711
//
// RUN is the lab's run folder. It holds settings.yaml, the file of the lab, and breakers.yaml if there is one;
// spans go to spans/, the lines of gctrace to gc/. What a visit is, and which settings there are, is as in the
// lab; only the work is drawn from a gamma law, and a call may have a breaker.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: shop NAME RUN --socket FD --peers JSON --parent PID")
	}
	name, run := os.Args[1], os.Args[2]
	flags := flag.NewFlagSet("shop", flag.ExitOnError)
	descriptor := flags.Uint("socket", 3, "number of the inherited listening socket")
	peers := flags.String("peers", "{}", "addresses of the others as JSON")
	parent := flags.Int("parent", os.Getppid(), "process id of the supervisor")
	check(flags.Parse(os.Args[3:]))
	traceCollections(filepath.Join(run, "gc", name+"-0.log"))
	go endWith(*parent)

	urls := map[string]string{}
	check(json.Unmarshal([]byte(*peers), &urls))
	listener, err := net.FileListener(os.NewFile(uintptr(*descriptor), "socket"))
	check(err)
	provider, err := newProvider(filepath.Join(run, "spans", name+"-0.jsonl"), name)
	check(err)
	s := newService(name, urls, provider.Tracer("workbench.shop"))
	check(s.follow(run))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+name, s.serve)
	mux.HandleFunc("GET /settings", s.tellSettings)
	mux.HandleFunc("POST /fault", s.takeFault)
	mux.Handle("GET /metrics", promhttp.Handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()

	stopping, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	<-stopping.Done()
	_ = server.Close()
	check(provider.Shutdown(context.Background()))
}

// traceCollections has the runtime write a line per collection to a file. It reads GODEBUG at its start only,
// so this process begins anew, as the same one to everybody else.
func traceCollections(path string) {
	if strings.Contains(os.Getenv("GODEBUG"), "gctrace=1") {
		return
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	check(err)
	check(unix.Dup2(int(file.Fd()), 2))
	program, err := os.Executable()
	check(err)
	check(syscall.Exec(program, os.Args, append(os.Environ(), "GODEBUG=gctrace=1")))
}

// endWith ends this process within half a second of its parent.
func endWith(parent int) {
	for os.Getppid() == parent {
		time.Sleep(500 * time.Millisecond)
	}
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
