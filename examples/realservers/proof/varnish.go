package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"text/template"
	"time"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// varnish has no limit of requests on a connection, and reloads without touching
// connections. Its log is in memory, and would end with a killed process.
var varnish = software{
	name: "varnish", program: "varnishd", debian: "varnish", start: startVarnish,
	situations: []string{"timeout", "close", "upstream", "413"},
}

var varnishConf = template.Must(template.New("varnish").Parse(`
vcl 4.1;
backend origin { .host = "{{.OriginHost}}"; .port = "{{.OriginPort}}"; }
sub vcl_recv {
	if (req.url == "/refuse") {
		return (synth(413));
	}
	return (pass);
}
sub vcl_deliver {
	{{if .Close}}set resp.http.Connection = "close";{{end}}
}
`))

// startVarnish starts two: varnishd keeps its log in memory, and varnishncsa
// writes it to a file.
func startVarnish(ctx context.Context, program string, c *conf) (*running, error) {
	ncsa, err := child.Find("varnishncsa", "apt-get install varnish")
	if err != nil {
		return nil, err
	}
	name := c.path("varnish")
	r := &running{logs: []string{c.path("access.log")}}
	r.Server, err = child.Launch(ctx, c.scheme(), func(port int) (*exec.Cmd, error) {
		return exec.Command(program, "-F", "-j", "none", "-n", name, "-f", c.path("proof.vcl"), "-s", "malloc,64m",
			"-a", "127.0.0.1:"+strconv.Itoa(port), "-p", "vsl_space=200M", "-p", "timeout_idle="+strconv.FormatFloat(float64(c.IdleMS())/1000, 'f', 3, 64)), c.write("proof.vcl", varnishConf)
	})
	if err != nil {
		return nil, err
	}
	log := exec.Command(ncsa, "-n", name, "-w", r.logs[0], "-F", "%h %{X-Id}i %s")
	if err := log.Start(); err != nil {
		r.Stop()
		return nil, err
	}
	for begun := false; !begun && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if resp, err := http.Get(r.URL + "/small"); err == nil {
			resp.Body.Close()
		}
		info, err := os.Stat(r.logs[0])
		begun = err == nil && info.Size() > 0
	}
	r.settle = func() {
		settled(r.logs[0])
		log.Process.Signal(syscall.SIGTERM)
		log.Wait()
	}
	return r, nil
}

// settled returns once a file has not grown for a while.
func settled(path string) {
	for size := int64(-1); ; {
		time.Sleep(300 * time.Millisecond)
		info, err := os.Stat(path)
		if err != nil || info.Size() == size {
			return
		}
		size = info.Size()
	}
}
