// Gives the settings of a service to the libraries that they are of, and prints what those then have.
//
// Reads the YAML and the environment. Writes "name = value" a line, times in nanoseconds; of a breaker, what it is
// seen to do. Fails for a key that nothing has and for a value that is of another type.
package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log"
	"math"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"
	"gopkg.in/yaml.v3"
)

type settings struct {
	Name string
	HTTP struct {
		Server struct {
			RequestTimeout    time.Duration `yaml:"requestTimeout"`
			ReadTimeout       time.Duration `yaml:"readTimeout"`
			ReadHeaderTimeout time.Duration `yaml:"readHeaderTimeout"`
			WriteTimeout      time.Duration `yaml:"writeTimeout"`
			IdleTimeout       time.Duration `yaml:"idleTimeout"`
			MaxHeaderBytes    int           `yaml:"maxHeaderBytes"`
		}
		Clients map[string]struct {
			Timeout               time.Duration
			MaxConnsPerHost       int           `yaml:"maxConnsPerHost"`
			MaxIdleConns          int           `yaml:"maxIdleConns"`
			MaxIdleConnsPerHost   int           `yaml:"maxIdleConnsPerHost"`
			IdleConnTimeout       time.Duration `yaml:"idleConnTimeout"`
			DialTimeout           time.Duration `yaml:"dialTimeout"`
			TLSHandshakeTimeout   time.Duration `yaml:"tlsHandshakeTimeout"`
			ResponseHeaderTimeout time.Duration `yaml:"responseHeaderTimeout"`
		}
	} `yaml:"http"`
	Database struct {
		DSN             string        `yaml:"dsn"`
		MaxOpenConns    int           `yaml:"maxOpenConns"`
		MaxIdleConns    int           `yaml:"maxIdleConns"`
		ConnMaxLifetime time.Duration `yaml:"connMaxLifetime"`
		ConnMaxIdleTime time.Duration `yaml:"connMaxIdleTime"`
	}
	Limiter struct {
		Rate  float64
		Burst int
	}
	Breakers map[string]struct {
		TripAfter   uint32 `yaml:"tripAfter"`
		MaxRequests uint32 `yaml:"maxRequests"`
		Timeout     time.Duration
		Interval    time.Duration
	}
	Workers struct{ Count, Queue int }
}

func main() {
	var s settings
	decoder := yaml.NewDecoder(os.Stdin)
	decoder.KnownFields(true)
	if err := decoder.Decode(&s); err != nil {
		log.Fatal(err)
	}
	say("GOMAXPROCS", runtime.GOMAXPROCS(0))
	say("GOGC", debug.SetGCPercent(100))
	say("GOMEMLIMIT", debug.SetMemoryLimit(-1))

	given := s.HTTP.Server
	server := http.Server{
		ReadTimeout: given.ReadTimeout, ReadHeaderTimeout: given.ReadHeaderTimeout, WriteTimeout: given.WriteTimeout,
		IdleTimeout: given.IdleTimeout, MaxHeaderBytes: given.MaxHeaderBytes,
	}
	say("http.server.requestTimeout", deadline(given.RequestTimeout))
	say("http.server.readTimeout", int64(server.ReadTimeout))
	say("http.server.readHeaderTimeout", int64(server.ReadHeaderTimeout))
	say("http.server.writeTimeout", int64(server.WriteTimeout))
	say("http.server.idleTimeout", int64(server.IdleTimeout))
	say("http.server.maxHeaderBytes", server.MaxHeaderBytes)

	for name, one := range s.HTTP.Clients {
		dialer := net.Dialer{Timeout: one.DialTimeout}
		transport := &http.Transport{
			DialContext: dialer.DialContext, MaxConnsPerHost: one.MaxConnsPerHost, MaxIdleConns: one.MaxIdleConns,
			MaxIdleConnsPerHost: one.MaxIdleConnsPerHost, IdleConnTimeout: one.IdleConnTimeout,
			TLSHandshakeTimeout: one.TLSHandshakeTimeout, ResponseHeaderTimeout: one.ResponseHeaderTimeout,
		}
		client := http.Client{Transport: transport, Timeout: one.Timeout}
		at := "http.clients." + name + "."
		say(at+"timeout", int64(client.Timeout))
		say(at+"maxConnsPerHost", transport.MaxConnsPerHost)
		say(at+"maxIdleConns", transport.MaxIdleConns)
		say(at+"maxIdleConnsPerHost", transport.MaxIdleConnsPerHost)
		say(at+"idleConnTimeout", int64(transport.IdleConnTimeout))
		say(at+"dialTimeout", int64(dialer.Timeout))
		say(at+"tlsHandshakeTimeout", int64(transport.TLSHandshakeTimeout))
		say(at+"responseHeaderTimeout", int64(transport.ResponseHeaderTimeout))
	}

	database := sql.OpenDB(nowhere{})
	database.SetMaxOpenConns(s.Database.MaxOpenConns)
	database.SetMaxIdleConns(s.Database.MaxIdleConns)
	database.SetConnMaxLifetime(s.Database.ConnMaxLifetime)
	database.SetConnMaxIdleTime(s.Database.ConnMaxIdleTime)
	say("database.maxOpenConns", database.Stats().MaxOpenConnections)
	say("database.maxIdleConns", idle(database, s.Database.MaxOpenConns))
	say("database.connMaxLifetime", int64(s.Database.ConnMaxLifetime)) // DB does not tell these two
	say("database.connMaxIdleTime", int64(s.Database.ConnMaxIdleTime))

	limiter := rate.NewLimiter(rate.Limit(s.Limiter.Rate), s.Limiter.Burst)
	say("limiter.rate", float64(limiter.Limit()))
	say("limiter.burst", limiter.Burst())

	for name, one := range s.Breakers {
		breaker := gobreaker.NewCircuitBreaker[bool](gobreaker.Settings{
			MaxRequests: one.MaxRequests, Timeout: one.Timeout, Interval: one.Interval,
			ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures > one.TripAfter },
		})
		at := "breakers." + name + "."
		failures := 0
		for breaker.State() == gobreaker.StateClosed && failures < 100_000 {
			breaker.Execute(func() (bool, error) { return false, errors.New("failed") })
			failures++
		}
		opened := time.Now()
		for 0 < one.Timeout && one.Timeout < time.Second && breaker.State() == gobreaker.StateOpen {
			time.Sleep(time.Millisecond)
		}
		say(at+"failures that open it", failures)
		say(at+"open", int64(time.Since(opened)))
		trials := 0
		for breaker.State() == gobreaker.StateHalfOpen {
			breaker.Execute(func() (bool, error) { return true, nil })
			trials++
		}
		say(at+"maxRequests", trials)
		say(at+"interval", int64(one.Interval))
	}

	jobs := make(chan func(), s.Workers.Queue)
	running := make(chan bool, s.Workers.Count)
	for range s.Workers.Count {
		go func() {
			running <- true
			for job := range jobs {
				job()
			}
		}()
	}
	for range s.Workers.Count {
		<-running
	}
	say("workers.count", s.Workers.Count)
	say("workers.queue", cap(jobs))
}

func deadline(limit time.Duration) any {
	ctx, cancel := context.Background(), func() {}
	if limit > 0 {
		ctx, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	if end, there := ctx.Deadline(); there {
		return int64(time.Until(end).Round(time.Millisecond))
	}
	return math.Inf(1)
}

// idle opens as many connections as may be, gives them back, and counts those that are kept.
func idle(database *sql.DB, open int) int {
	var held []*sql.Conn
	for range open {
		one, err := database.Conn(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		held = append(held, one)
	}
	for _, one := range held {
		one.Close()
	}
	return database.Stats().Idle
}

type nowhere struct{}

func (nowhere) Connect(context.Context) (driver.Conn, error) { return nowhere{}, nil }
func (nowhere) Driver() driver.Driver                        { return nil }
func (nowhere) Prepare(string) (driver.Stmt, error)          { return nil, errors.New("no statements") }
func (nowhere) Begin() (driver.Tx, error)                    { return nil, errors.New("no transactions") }
func (nowhere) Close() error                                 { return nil }

func say(name string, value any) { fmt.Println(name, "=", value) }
