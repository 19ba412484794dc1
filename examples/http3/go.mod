module github.com/warmconn/warmconn/examples/http3

go 1.26.0

require (
	github.com/quic-go/quic-go v0.65.0
	github.com/warmconn/warmconn v0.0.0
)

require (
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/quic-go/qpack v0.6.0 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/net v0.56.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.40.0 // indirect
)

replace github.com/warmconn/warmconn => ../..
