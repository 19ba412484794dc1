// Package poolzbrowser has package poolz's page looked at by a real browser, a headless
// Chromium, while incidents and network faults happen. It is a module of its own, so that no
// user of the kit gets what drives the browser.
//
// Without Chromium its tests are skipped, and say so. The pictures in docs are made by
//
//	go test -run ThePictures -v -pictures ../../docs .
package poolzbrowser
