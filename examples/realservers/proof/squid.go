package main

import (
	"context"
	"net/url"
	"syscall"
	"text/template"
	"time"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// squid forwards plain http to the origin.
var squid = software{
	name: "squid", program: "squid", debian: "squid", start: startSquid, idle: time.Second,
	situations: []string{"timeout", "close", "reload", "kill", "upstream", "413"},
}

// squidConnect makes tunnels to nginx, which is set up for the situation. So
// squid's log has the connections, but for those that end with a killed process,
// and nginx's the requests of each.
var squidConnect = software{
	name: "squid-connect", program: "squid", debian: "squid", start: startSquidConnect,
	situations: []string{"requests-tls", "requests-h2", "timeout-tls", "timeout-h2", "close-tls", "kill-tls", "streams-h2", "upstream-tls", "413-tls"},
}

// One process serves, and another one starts it again.
var squidConf = template.Must(template.New("squid").Parse(`
http_port 127.0.0.1:{{.Port}}
http_access allow all
cache deny all
logformat proof %>a %{X-Id}>h %>Hs
access_log stdio:{{.Dir}}/squid.log logformat=proof
cache_log {{.Dir}}/cache.log
pid_filename {{.Dir}}/squid.pid
coredump_dir {{.Dir}}
visible_hostname localhost
max_filedescriptors 4096
shutdown_lifetime 1 seconds
pinger_enable off
client_db off
client_persistent_connections {{if .Close}}off{{else}}on{{end}}
client_idle_pconn_timeout {{.IdleSeconds}} seconds
request_body_max_size 2 KB
{{if .Root}}cache_effective_user proxy{{end}}
`))

func startSquid(ctx context.Context, program string, c *conf) (*running, error) {
	r, err := launch(ctx, program, c, "squid.conf", squidConf, "--foreground", "-f", c.path("squid.conf"))
	if err != nil {
		return nil, err
	}
	if r.proxy, err = url.Parse(r.URL); err != nil {
		return nil, err
	}
	r.URL = "http://" + c.Origin
	r.logs = []string{c.path("squid.log")}
	r.reload, r.kill = r.signals(syscall.SIGHUP), r.killsChild
	r.kills = 4 // after some more it starts none again
	return r, nil
}

func startSquidConnect(ctx context.Context, program string, c *conf) (*running, error) {
	path, err := child.Find(nginx.program, "apt-get install "+nginx.debian)
	if err != nil {
		return nil, err
	}
	c.Behind = true
	behind, err := startNginx(ctx, path, c)
	if err != nil {
		return nil, err
	}
	plain := conf{Dir: c.Dir, Origin: c.Origin}
	r, err := startSquid(ctx, program, &plain)
	if err != nil {
		behind.Stop()
		return nil, err
	}
	r.URL, r.behind = behind.URL, behind
	r.logs = append(r.logs, behind.logs...)
	return r, nil
}
