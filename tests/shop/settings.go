package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
)

// The settings file of the lab. 0 means "none" for a rate, a timeout and a deadline.
type settings struct {
	Seed        uint64                     `yaml:"seed"`
	SampleShare float64                    `yaml:"sample_share"`
	Services    map[string]serviceSettings `yaml:"services"`
}

type serviceSettings struct {
	Workers  int           `yaml:"workers"`
	Queue    int           `yaml:"queue"`
	Limit    limitSettings `yaml:"limit"`
	Deadline seconds       `yaml:"deadline_s"`
	Calls    calls         `yaml:"calls"`
	Work     workSettings  `yaml:"work"`
}

type limitSettings struct {
	Rate  float64 `yaml:"rate_rps"`
	Burst int     `yaml:"burst"`
}

type callSettings struct {
	to       string
	Timeout  seconds `yaml:"timeout_s"`
	Attempts int     `yaml:"attempts"`
	Backoff  seconds `yaml:"backoff_s"`
	Jitter   float64 `yaml:"jitter"`
}

// Kind is "wait", or "cpu" for time on a processor; Processes is the lab's alone.
type workSettings struct {
	Kind      string  `yaml:"kind"`
	Mean      float64 `yaml:"mean_s"`
	CV        float64 `yaml:"cv"`
	Processes int     `yaml:"processes"`
}

// breakers.yaml: a breaker by caller and callee, {gateway: {orders: {failures: 5, open_s: 1, trials: 1}}}.
type breakers map[string]map[string]breakerSettings

type breakerSettings struct {
	Failures uint32  `yaml:"failures"`
	Open     seconds `yaml:"open_s"`
	Trials   uint32  `yaml:"trials"`
}

type seconds float64

func (s seconds) duration() time.Duration { return time.Duration(float64(s) * float64(time.Second)) }

// Calls are made in the order of the file.
type calls []callSettings

func (c *calls) UnmarshalYAML(node *yaml.Node) error {
	for i := 0; i+1 < len(node.Content); i += 2 {
		one := callSettings{to: node.Content[i].Value, Attempts: 1}
		if err := node.Content[i+1].Decode(&one); err != nil {
			return err
		}
		*c = append(*c, one)
	}
	return nil
}

func (s *serviceSettings) UnmarshalYAML(node *yaml.Node) error {
	type plain serviceSettings
	out := plain{Limit: limitSettings{Burst: 20}, Work: workSettings{Kind: "wait", Mean: 0.01, CV: 0.5, Processes: 1}}
	err := node.Decode(&out)
	*s = serviceSettings(out)
	return err
}

// follow puts the files of a run folder in force, and looks every 0.2 s whether they have changed.
func (s *service) follow(run string) error {
	seen, err := s.look(run, nil)
	if err != nil {
		return err
	}
	go func() {
		for range time.Tick(200 * time.Millisecond) {
			now, err := s.look(run, seen)
			if err != nil {
				log.Printf("settings refused, the old ones stay in force: %v", err)
			}
			seen = now
		}
	}()
	return nil
}

func (s *service) look(run string, seen []byte) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(run, "settings.yaml"))
	if err != nil {
		return seen, err
	}
	breaking, err := os.ReadFile(filepath.Join(run, "breakers.yaml"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return seen, err
	}
	both := append(append([]byte{}, text...), breaking...)
	if bytes.Equal(both, seen) {
		return seen, nil
	}
	var all settings
	if err := decode(text, &all); err != nil {
		return both, err
	}
	var broken breakers
	if err := decode(breaking, &broken); err != nil {
		return both, err
	}
	own, found := all.Services[s.name]
	if !found || own.Workers < 1 {
		return both, fmt.Errorf("no service %q with workers", s.name)
	}
	sum := sha256.Sum256(text)
	s.change(own, broken[s.name], all.Seed, hex.EncodeToString(sum[:])[:16])
	return both, nil
}

func decode(text []byte, into any) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	return decoder.Decode(into)
}

// tellSettings says which settings are in force, as the lab's services do.
func (s *service) tellSettings(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("content-type", "application/json")
	state := map[string]any{"service": s.name, "digest": s.state.Load().digest, "visits": s.visits.Load()}
	_ = json.NewEncoder(w).Encode(state)
}
