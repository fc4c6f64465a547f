module workbench/conformance/token_bucket

go 1.23.0

require golang.org/x/time v0.11.0
