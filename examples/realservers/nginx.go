package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// nginx is how nginx is set up. Zero fields are nginx's own defaults.
type nginx struct {
	tls               bool
	keepAliveRequests int
	streams           int // over HTTP/2, which it speaks if this is not 0
}

// fileSizes are those of the files that it serves.
var fileSizes = []int{1 << 10, 16 << 10, 64 << 10, 200 << 10}

func filePath(size int) string { return fmt.Sprintf("/file/%d", size) }

// One process, without a master: so killing it by its ID is the end of it.
var nginxConf = template.Must(template.New("nginx.conf").Parse(`
daemon off;
master_process off;
pid {{.Dir}}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	client_body_temp_path {{.Dir}}/body;
	proxy_temp_path {{.Dir}}/proxy;
	fastcgi_temp_path {{.Dir}}/fastcgi;
	uwsgi_temp_path {{.Dir}}/uwsgi;
	scgi_temp_path {{.Dir}}/scgi;
	{{with .KeepAliveRequests}}keepalive_requests {{.}};{{end}}
	{{with .Streams}}http2_max_concurrent_streams {{.}};{{end}}
	server {
		listen 127.0.0.1:{{.Port}}{{if .TLS}} ssl{{end}}{{if .Streams}} http2{{end}} backlog=1024;
		{{if .TLS}}
		ssl_certificate {{.Cert}};
		ssl_certificate_key {{.Key}};
		ssl_protocols TLSv1.2 TLSv1.3;
		{{end}}
		location = /hello { return 200 "hello"; }
		location = /refuse { client_max_body_size 1k; return 200; }
		location /file/ { root {{.Dir}}; }
	}
}
`))

func (n nginx) start(ctx context.Context, keys *child.Keys) (*child.Server, error) {
	path, err := child.Find("nginx", "apt-get install nginx-light")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(keys.Dir, "file"), 0o755); err != nil {
		return nil, err
	}
	for _, size := range fileSizes {
		if err := os.WriteFile(filepath.Join(keys.Dir, filePath(size)), bytes.Repeat([]byte("x"), size), 0o644); err != nil {
			return nil, err
		}
	}
	scheme := "http"
	if n.tls {
		scheme = "https"
	}
	return child.Launch(ctx, scheme, func(port int) (*exec.Cmd, error) {
		var conf bytes.Buffer
		err := nginxConf.Execute(&conf, map[string]any{
			"Dir": keys.Dir, "Cert": keys.Cert, "Key": keys.Key, "Port": port,
			"TLS": n.tls, "KeepAliveRequests": n.keepAliveRequests, "Streams": n.streams,
		})
		if err != nil {
			return nil, err
		}
		file := filepath.Join(keys.Dir, "nginx.conf")
		if err := os.WriteFile(file, conf.Bytes(), 0o600); err != nil {
			return nil, err
		}
		return exec.Command(path, "-p", keys.Dir, "-e", "stderr", "-c", file), nil
	})
}
