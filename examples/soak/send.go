package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"time"

	"github.com/warmconn/warmconn/internal/badserver"
	"github.com/warmconn/warmconn/internal/errclass"
)

const mixedBytes = "mixed bytes"

// send sends a request and counts its outcome.
func (v *variant) send(p *plan) {
	began := time.Now()
	err := v.exchange(p)
	took := time.Since(began)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.n.requests++
	class := ""
	switch {
	case err == nil:
	case errors.Is(err, badserver.ErrMixed):
		class = mixedBytes
		v.n.mixed++
	default:
		class = errclass.Of(err)
	}
	switch {
	case class == "":
		v.n.ok++
		if p.manner == forgets {
			v.n.leaked++
		}
		if (p.manner == reads || p.manner == postsOnce) && p.host < len(v.servers)-slow {
			v.took.add(took)
			v.lately.add(took)
		}
	case p.own() && (class == "timeout" || class == "canceled"):
	default:
		v.n.failed++
		v.n.classes[class]++
		if p.host < good {
			v.n.atGood++
			if v.n.firstAtGood == "" {
				v.n.firstAtGood = err.Error()
			}
		}
	}
}

// exchange sends a request, and treats the response in the caller's manner.
func (v *variant) exchange(p *plan) error {
	most := waits
	if p.host < good {
		most = waitsForGood
	}
	ctx, cancel := context.WithTimeout(context.Background(), most)
	switch p.manner {
	case forgets:
		cancel() // its own context must outlive this function
		ctx, cancel = v.alive, func() {}
	case hurries:
		cancel()
		ctx, cancel = context.WithTimeout(context.Background(), p.after)
	case cancels:
		defer time.AfterFunc(p.after, cancel).Stop()
	}
	defer cancel()
	req, err := p.request(httptrace.WithClientTrace(ctx, &v.trace), v.servers[p.host].URL)
	if err != nil {
		return err
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return err
	}
	if got := resp.Header.Get(badserver.IDHeader); got != req.Header.Get(badserver.IDHeader) {
		resp.Body.Close()
		return fmt.Errorf("%w: the response of %q", badserver.ErrMixed, got)
	}
	if p.manner == forgets {
		return nil
	}
	defer resp.Body.Close()
	check := badserver.NewCheck(badserver.Answer, p.id)
	switch p.manner {
	case unread:
		return nil
	case half:
		_, err = io.CopyN(check, resp.Body, p.size/2)
		return err
	}
	if _, err = io.Copy(check, resp.Body); err == nil && check.Size() != p.size {
		err = fmt.Errorf("%w: %d bytes of %d", badserver.ErrMixed, check.Size(), p.size)
	}
	return err
}

func (p *plan) request(ctx context.Context, url string) (*http.Request, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if p.upload > 0 {
		method = http.MethodPost
		labels := badserver.NewLabels(badserver.Client, p.id, p.upload).Bytes()
		body = bytes.NewReader(labels)
		if p.manner == postsOnce {
			body = io.NopCloser(body) // net/http finds no way to read it again
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set(badserver.IDHeader, strconv.FormatUint(p.id, 16))
	req.Header.Set(badserver.OpHeader, method)
	req.Header.Set(badserver.SizeHeader, strconv.FormatInt(p.size, 10))
	req.Header.Set(badserver.BodyHeader, strconv.FormatInt(p.upload, 10))
	return req, nil
}
