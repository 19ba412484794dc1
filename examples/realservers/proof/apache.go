package main

import (
	"context"
	"syscall"
	"text/template"
)

var apache = software{
	name: "apache", program: "apache2", debian: "apache2", start: startApache,
	situations: []string{
		"requests", "timeout", "timeout-h2", "close", "reload", "reload-tls", "reload-h2", "kill", "streams-h2", "upstream", "413", "413-h2",
	},
}

// Two processes serve, of 32 threads. Root's own server has to give its rights away.
var apacheConf = template.Must(template.New("apache").Parse(`
ServerName 127.0.0.1
Listen 127.0.0.1:{{.Port}}
PidFile {{.Dir}}/apache.pid
DefaultRuntimeDir {{.Dir}}
Mutex file:{{.Dir}}
ErrorLog {{.Dir}}/error.log
LogLevel crit
{{range $name, $file := .Modules}}
LoadModule {{$name}}_module /usr/lib/apache2/modules/mod_{{$file}}.so
{{end}}
{{if .Root}}
User www-data
Group www-data
{{end}}
StartServers 2
ServerLimit 8
ThreadsPerChild 32
MinSpareThreads 32
MaxSpareThreads 128
MaxRequestWorkers 128
LogFormat "%a %{X-Id}i %k %>s" proof
CustomLog {{.Dir}}/access.log proof
KeepAlive {{if .Close}}Off{{else}}On{{end}}
KeepAliveTimeout {{.IdleMS}}ms
MaxKeepAliveRequests {{with .Requests}}{{.}}{{else}}0{{end}}
{{if .H2}}
Protocols h2
{{with .Streams}}H2MaxSessionStreams {{.}}{{end}}
{{end}}
{{if .TLS}}
SSLEngine on
SSLCertificateFile {{.Cert}}
SSLCertificateKeyFile {{.Key}}
SSLSessionCache none
{{end}}
DocumentRoot {{.Dir}}/files
<Location /refuse>
	LimitRequestBody 1024
</Location>
ProxyPass /die http://{{.Origin}}/die
ProxyPass /cut http://{{.Origin}}/cut
ProxyPass /refuse http://{{.Origin}}/refuse
`))

// Modules are Apache's, and the files that have them.
func (c *conf) Modules() map[string]string {
	m := map[string]string{
		"mpm_event": "mpm_event", "authz_core": "authz_core", "proxy": "proxy", "proxy_http": "proxy_http",
	}
	if c.TLS {
		m["ssl"] = "ssl"
	}
	if c.H2 {
		m["http2"] = "http2"
	}
	return m
}

func startApache(ctx context.Context, program string, c *conf) (*running, error) {
	if err := c.writeFiles(); err != nil {
		return nil, err
	}
	r, err := launch(ctx, program, c, "apache.conf", apacheConf, "-D", "FOREGROUND", "-d", c.Dir, "-f", c.path("apache.conf"))
	if err != nil {
		return nil, err
	}
	r.end = syscall.SIGWINCH
	r.reload, r.kill = r.signals(syscall.SIGUSR1), r.killsChild
	return r, nil
}
