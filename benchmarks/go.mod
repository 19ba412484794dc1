module github.com/warmconn/warmconn/benchmarks

go 1.26.0

require (
	github.com/warmconn/warmconn v0.0.0
	golang.org/x/sync v0.24.0
)

require github.com/hashicorp/go-cleanhttp v0.5.2 // indirect

replace github.com/warmconn/warmconn => ../
