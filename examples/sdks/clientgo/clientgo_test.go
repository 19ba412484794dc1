// Package clientgo has Kubernetes' client-go with the kit.
package clientgo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestClientGo is a row of docs/sdks.md:
//
//	sdk: client-go
//	module: k8s.io/client-go
//	first: any field of `rest.Config`: `Wrap` is called when a client is made. Over TLS client-go shares its transports, behind a wrapper of its own; there
//	 the kit can't own connections, and `OnWarning` says so
//	not after: `Config.Transport`, beside which client-go refuses its own TLS settings; a `Wrap` that should stand outside of the kit: the last one is the outermost
//	reuse: 90 / 90
func TestClientGo(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, OutsideOverTLS: true, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, cfg := e.Kit, config(e)
		//docs:line
		cfg.Wrap(kit.Middleware)
		//docs:end
		return calls(t, cfg)
	}})
}

// TestClientGoOwned is a row of docs/sdks.md:
//
//	sdk: client-go, its transport not shared
//	module: k8s.io/client-go
//	first: a Proxy, which may be the default one: client-go does not share the transport then, and the kit stands on it. One client for
//	 the whole program, by `rest.HTTPClientFor` and `kubernetes.NewForConfigAndClient`, is then yours to see to. 25 idle connections are kept at most, as client-go says
//	not after: as above. Of an HTTP/2 stream that is reset within a body client-go's error has another text ("unexpected error when reading response body"): its type
//	 switch knows golang.org/x/net's error only, and net/http's is found by errors.As alone
//	reuse: 90 / 90
func TestClientGoOwned(t *testing.T) {
	alike := strings.NewReplacer("stream error when reading response body, may be caused by closed connection.", "unexpected error when reading response body.")
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, Alike: alike, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, cfg := e.Kit, config(e)
		//docs:line
		cfg.Proxy = http.ProxyFromEnvironment
		cfg.Wrap(kit.Middleware)
		//docs:end
		return calls(t, cfg)
	}})
}

func config(e *sdktest.Env) *rest.Config {
	cfg := &rest.Config{Host: e.URL, QPS: -1}
	if e.TLS {
		cfg.CAData = e.CA
	}
	return cfg
}

func calls(t testing.TB, cfg *rest.Config) sdktest.Ops {
	httpClient, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	set, err := kubernetes.NewForConfigAndClient(cfg, httpClient)
	if err != nil {
		t.Fatal(err)
	}
	core := set.CoreV1()
	return sdktest.Ops{
		Get: func(ctx context.Context, name string) (string, error) {
			pod, err := core.Pods("default").Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return "", err
			}
			return pod.Annotations["text"], nil
		},
		Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
			return core.Pods("default").GetLogs(name, &corev1.PodLogOptions{}).Stream(ctx)
		},
		Put: func(ctx context.Context, name string, content []byte) error {
			m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, BinaryData: map[string][]byte{"content": content}}
			_, err := core.ConfigMaps("default").Update(ctx, m, metav1.UpdateOptions{})
			return err
		},
		More: []sdktest.Call{{Name: "a watch that is stopped", Times: 3, Do: func(ctx context.Context) (string, error) {
			w, err := core.Pods("default").Watch(ctx, metav1.ListOptions{})
			if err != nil {
				return "", err
			}
			defer w.Stop()
			first := <-w.ResultChan()
			return string(first.Type), nil
		}}},
		Close: func() { utilnet.CloseIdleConnectionsFor(httpClient.Transport) },
	}
}

func answer(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/log"):
		io.WriteString(w, strings.Repeat("l", 256<<10))
	case r.URL.Query().Get("watch") != "":
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintln(w, `{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"}}}`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case r.Method == http.MethodPut:
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"p"}}`)
	default:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","annotations":{"text":%q}}}`, strings.Repeat("t", 500))
	}
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: int32(status), Message: http.StatusText(status),
	})
}
