package main

import (
	"context"
	"syscall"
	"text/template"
)

var nginx = software{
	name: "nginx", program: "nginx", debian: "nginx-light", start: startNginx,
	situations: []string{
		"requests", "requests-h2", "timeout", "timeout-h2", "close", "reload", "reload-tls", "reload-h2", "kill", "streams-h2", "upstream", "413", "413-h2",
	},
}

// Its workers are of the user that may read the files, nobody if root starts it.
var nginxConf = template.Must(template.New("nginx").Parse(`
daemon off;
pid {{.Dir}}/nginx.pid;
error_log stderr crit;
worker_processes 2;
events { worker_connections 4096; }
http {
	log_format proof '{{if .Behind}}$connection{{else}}$remote_addr{{end}} $http_x_id $connection $connection_requests $status';
	access_log {{.Dir}}/access.log proof;
	client_body_temp_path {{.Dir}}/body;
	proxy_temp_path {{.Dir}}/proxy;
	fastcgi_temp_path {{.Dir}}/fastcgi;
	uwsgi_temp_path {{.Dir}}/uwsgi;
	scgi_temp_path {{.Dir}}/scgi;
	keepalive_requests {{.MaxRequests}};
	keepalive_timeout {{if .Close}}0{{else}}{{.IdleMS}}ms{{end}};
	{{with .Streams}}http2_max_concurrent_streams {{.}};{{end}}
	server {
		listen 127.0.0.1:{{.Port}}{{if .TLS}} ssl{{end}}{{if .H2}} http2{{end}} backlog=1024;
		{{if .TLS}}
		ssl_certificate {{.Cert}};
		ssl_certificate_key {{.Key}};
		ssl_protocols TLSv1.2 TLSv1.3;
		{{end}}
		root {{.Dir}}/files;
		error_page 405 =200 $uri;
		location = /refuse { client_max_body_size 1k; return 200; }
		location = /die { proxy_pass http://{{.Origin}}; }
		location = /cut { proxy_pass http://{{.Origin}}; }
	}
}
`))

func startNginx(ctx context.Context, program string, c *conf) (*running, error) {
	if err := c.writeFiles(); err != nil {
		return nil, err
	}
	r, err := launch(ctx, program, c, "nginx.conf", nginxConf, "-p", c.Dir, "-e", "stderr", "-c", c.path("nginx.conf"))
	if err != nil {
		return nil, err
	}
	r.end = syscall.SIGQUIT
	r.reload, r.kill = r.signals(syscall.SIGHUP), r.killsChild
	return r, nil
}
