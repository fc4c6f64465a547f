package main

import (
	"encoding/json"
	"net/http"
)

// A fault: work takes Slow times as long, a share of the visits fails on arrival, or none is ever answered.
type fault struct {
	Slow    float64 `json:"slow"`
	Failing float64 `json:"failing"`
	Hanging bool    `json:"hanging"`
}

// takeFault puts a fault in force: POST {"slow": 2}; {} ends it.
func (s *service) takeFault(w http.ResponseWriter, r *http.Request) {
	given := fault{Slow: 1}
	if err := json.NewDecoder(r.Body).Decode(&given); err != nil || given.Slow < 0 || given.Failing < 0 || given.Failing > 1 {
		http.Error(w, "want slow from 0, failing from 0 to 1, hanging true or false", http.StatusBadRequest)
		return
	}
	s.fault.Store(&given)
	w.WriteHeader(http.StatusNoContent)
}
