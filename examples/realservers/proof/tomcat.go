package main

import (
	"context"
	"os"
	"path/filepath"
	"text/template"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// tomcat has one process, and no graceful reload.
var tomcat = software{
	name: "tomcat", program: tomcatHome + "/bin/catalina.sh", debian: "tomcat10", start: startTomcat,
	situations: []string{"requests", "timeout", "close", "streams-h2", "413"},
}

const tomcatHome = "/usr/share/tomcat10"

var tomcatConf = template.Must(template.New("tomcat").Parse(`
<Server port="-1">
<Service name="proof">
	<Connector port="{{.Port}}" address="127.0.0.1" protocol="org.apache.coyote.http11.Http11NioProtocol"
		keepAliveTimeout="{{.IdleMS}}" maxKeepAliveRequests="{{if .Close}}1{{else}}{{.MaxRequests}}{{end}}" {{if .TLS}}SSLEnabled="true"{{end}}>
		{{if .H2}}<UpgradeProtocol className="org.apache.coyote.http2.Http2Protocol" keepAliveTimeout="{{.IdleMS}}" overheadCountFactor="0"
			{{with .Streams}}maxConcurrentStreams="{{.}}"{{end}}/>{{end}}
		{{if .TLS}}<SSLHostConfig><Certificate certificateFile="{{.Cert}}" certificateKeyFile="{{.Key}}" type="EC"/></SSLHostConfig>{{end}}
	</Connector>
	<Engine name="proof" defaultHost="127.0.0.1">
		<Host name="127.0.0.1" appBase="{{.Dir}}/apps" autoDeploy="false" deployOnStartup="false">
			<Context path="" docBase="{{.Dir}}/files"/>
			<Valve className="org.apache.catalina.valves.AccessLogValve" directory="{{.Dir}}" prefix="access" suffix=".log"
				rotatable="false" buffered="false" pattern="%a %{X-Id}i %s"/>
		</Host>
	</Engine>
</Service>
</Server>
`))

// tomcatApp serves files, and /refuse by a page.
const (
	tomcatApp = `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="5.0">
<servlet><servlet-name>default</servlet-name><servlet-class>org.apache.catalina.servlets.DefaultServlet</servlet-class></servlet>
<servlet><servlet-name>refuse</servlet-name><jsp-file>/refuse.jsp</jsp-file></servlet>
<servlet-mapping><servlet-name>default</servlet-name><url-pattern>/</url-pattern></servlet-mapping>
<servlet-mapping><servlet-name>refuse</servlet-name><url-pattern>/refuse</url-pattern></servlet-mapping>
</web-app>`
	tomcatPage = `<% response.setStatus(413); %>`
)

func startTomcat(ctx context.Context, _ string, c *conf) (*running, error) {
	java, err := child.Find("java", "apt-get install default-jre-headless")
	if err != nil {
		return nil, err
	}
	if err := c.writeFiles(); err != nil {
		return nil, err
	}
	for _, dir := range []string{"conf", "temp", "work", "logs", "apps", "files/WEB-INF"} {
		if err := os.MkdirAll(c.path(dir), 0o755); err != nil {
			return nil, err
		}
	}
	for name, text := range map[string]string{"files/WEB-INF/web.xml": tomcatApp, "files/refuse.jsp": tomcatPage} {
		if err := os.WriteFile(c.path(name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	bin := filepath.Join(tomcatHome, "bin")
	return launch(ctx, java, c, "conf/server.xml", tomcatConf, "-Xmx256m", "-Dcatalina.home="+tomcatHome, "-Dcatalina.base="+c.Dir, "-Djava.io.tmpdir="+c.path("temp"),
		"-cp", filepath.Join(bin, "bootstrap.jar")+":"+filepath.Join(bin, "tomcat-juli.jar"), "org.apache.catalina.startup.Bootstrap", "start")
}
