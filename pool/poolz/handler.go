package poolz

import (
	"bytes"
	"embed"
	"encoding/json"
	"html/template"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/warmconn/warmconn/pool"
)

//go:embed assets
var assets embed.FS

// Handler returns the page of p. It may be mounted at any path, and looks at none of it: its
// links are relative. A nil p panics. It is safe for concurrent use, and several Handlers of a
// Pool do not know of each other.
//
// It answers GET and HEAD, and nothing that it does changes the Pool. Who may see the page is
// for a handler around it to say; it shows hosts, paths and lines of the program's source to
// whoever can reach it, so mount it on a listener of the loopback address, or behind what
// protects your other pages of that kind.
func Handler(p *pool.Pool) http.Handler {
	if p == nil {
		panic("poolz: a nil Pool")
	}
	return &handler{newViewer(p), parsePage()}
}

type handler struct {
	v    *viewer
	html *template.Template
}

// The page needs no more than its own stylesheet and script.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// queryMost bounds what is searched for.
const queryMost = 200

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Security-Policy", policy)
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("X-Frame-Options", "DENY")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	head.Set("Vary", "Accept")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		http.Error(w, "poolz: this page can only be read", http.StatusMethodNotAllowed)
		return
	}
	q := r.URL.Query()
	if name := q.Get("asset"); name != "" {
		h.asset(w, r, name)
		return
	}
	asJSON := wantsJSON(r.Header.Values("Accept"))
	switch format := q.Get("format"); format {
	case "":
	case "json", "html":
		asJSON = format == "json"
	default:
		http.Error(w, "poolz: format is json or html", http.StatusBadRequest)
		return
	}
	a := asked{host: q.Get("host"), query: strings.TrimSpace(q.Get("q"))}
	if len(a.query) > queryMost {
		http.Error(w, "poolz: q is longer than "+strconv.Itoa(queryMost)+" bytes", http.StatusBadRequest)
		return
	}
	s := h.v.look(r.Context().Done(), asJSON) // a program would take an empty answer for the truth
	p, ok := h.v.page(s, a)
	if !ok {
		http.Error(w, "poolz: there is no such host, or it was forgotten", http.StatusNotFound)
		return
	}
	var b bytes.Buffer // so that an error is one
	var err error
	if asJSON {
		head.Set("Content-Type", "application/json; charset=utf-8")
		err = json.NewEncoder(&b).Encode(p)
	} else {
		head.Set("Content-Type", "text/html; charset=utf-8")
		err = h.html.ExecuteTemplate(&b, "page", view{p, a, q.Get("refresh") == "0"})
	}
	if err != nil {
		http.Error(w, "poolz: "+err.Error(), http.StatusInternalServerError)
		return
	}
	head.Set("Content-Length", strconv.Itoa(b.Len()))
	w.Write(b.Bytes())
}

// assetTypes are the files that may be asked for.
var assetTypes = map[string]string{
	"poolz.css": "text/css; charset=utf-8", "poolz.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
}

func (h *handler) asset(w http.ResponseWriter, r *http.Request, name string) {
	typ := assetTypes[name]
	if typ == "" {
		http.Error(w, "poolz: there is no such asset", http.StatusNotFound)
		return
	}
	text, err := assets.ReadFile("assets/" + name)
	if err != nil {
		http.Error(w, "poolz: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", typ)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Write(text) // #nosec G705 -- the page is escaped by html/template and markup.text, JSON by encoding/json; see escape_test.go
}

// wantsJSON reports whether an Accept header would rather have JSON than HTML: by their
// q-values, each by the range that names it most closely.
func wantsJSON(accept []string) bool {
	html, json := quality{}, quality{}
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			typ, params, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			q := 1.0
			if s, ok := params["q"]; ok {
				if q, err = strconv.ParseFloat(s, 64); err != nil {
					continue
				}
			}
			html.hear(typ, q, "text/html", "text/*", "*/*")
			json.hear(typ, q, "application/json", "application/*", "*/*")
		}
	}
	return json.q > html.q
}

// quality is a q-value, and how closely the range named the type that it is of.
type quality struct {
	q     float64
	close int
}

func (v *quality) hear(typ string, q float64, exact, group, all string) {
	close := 0
	switch typ {
	case exact:
		close = 3
	case group:
		close = 2
	case all:
		close = 1
	}
	if close > v.close {
		v.q, v.close = q, close
	}
}
