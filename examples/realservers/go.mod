module github.com/warmconn/warmconn/examples/realservers

go 1.26.0

require github.com/warmconn/warmconn v0.0.0

require github.com/hashicorp/go-cleanhttp v0.5.2 // indirect

replace github.com/warmconn/warmconn => ../..
