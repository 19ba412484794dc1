package otelhttp

import "flag"

func init() {
	flag.StringVar(&layersFlag, "layers", "bare", "what each Transport's requests go through")
}
