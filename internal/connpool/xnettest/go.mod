module github.com/warmconn/warmconn/internal/connpool/xnettest

go 1.26.0

require (
	github.com/warmconn/warmconn v0.0.0
	golang.org/x/net v0.62.0
)

require (
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	golang.org/x/text v0.43.0 // indirect
)

replace github.com/warmconn/warmconn => ../../..
