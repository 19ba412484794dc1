package main

import (
	"context"
	"syscall"
	"text/template"
	"time"
)

// lighttpd lets a client wait for the rest of a body whose upstream has died, bare
// net/http, too: so here upstreams die before their responses only. None of its
// processes is killed: it keeps the lines of its log until they are many.
var lighttpd = software{
	name: "lighttpd", program: "lighttpd", debian: "lighttpd", start: startLighttpd, idle: time.Second,
	situations: []string{"requests", "timeout", "close", "reload", "die", "413"},
}

var lighttpdConf = template.Must(template.New("lighttpd").Parse(`
server.modules = ( "mod_accesslog", "mod_proxy" )
server.document-root = "{{.Dir}}/files"
server.bind = "127.0.0.1"
server.port = {{.Port}}
server.errorlog = "{{.Dir}}/error.log"
server.pid-file = "{{.Dir}}/lighttpd.pid"
server.upload-dirs = ( "{{.Dir}}" )
server.max-keep-alive-requests = {{if .Close}}0{{else}}{{.MaxRequests}}{{end}}
server.max-keep-alive-idle = {{.IdleSeconds}}
server.max-request-size = 2
server.feature-flags = ( "server.graceful-shutdown-timeout" => 2 )
accesslog.filename = "{{.Dir}}/access.log"
accesslog.format = "%h %{X-Id}i %k %s"
$HTTP["url"] == "/die" {
	proxy.server = ( "" => (( "host" => "{{.OriginHost}}", "port" => {{.OriginPort}} )) )
}
$HTTP["request-method"] == "POST" {
	proxy.server = ( "" => (( "host" => "{{.OriginHost}}", "port" => {{.OriginPort}} )) )
}
`))

func startLighttpd(ctx context.Context, program string, c *conf) (*running, error) {
	if err := c.writeFiles(); err != nil {
		return nil, err
	}
	r, err := launch(ctx, program, c, "lighttpd.conf", lighttpdConf, "-D", "-f", c.path("lighttpd.conf"))
	if err != nil {
		return nil, err
	}
	r.end = syscall.SIGINT
	r.reload = r.signals(syscall.SIGUSR1)
	return r, nil
}
