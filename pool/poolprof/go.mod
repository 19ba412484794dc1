module github.com/warmconn/warmconn/pool/poolprof

go 1.26.0

replace github.com/warmconn/warmconn => ../..

require (
	github.com/google/pprof v0.0.0-20261105003125-4bf881d7fb0b
	github.com/warmconn/warmconn v0.0.0
)

require github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
