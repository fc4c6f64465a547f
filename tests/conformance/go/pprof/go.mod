module pprof

go 1.23
