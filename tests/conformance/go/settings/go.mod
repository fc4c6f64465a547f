module workbench/conformance/settings

go 1.25.0

require (
	github.com/sony/gobreaker/v2 v2.4.0
	golang.org/x/time v0.15.0
	gopkg.in/yaml.v3 v3.0.1
)
