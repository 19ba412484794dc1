package record

import (
	"io"
	"sync"
	"time"
)

// upload is the request's body for a base that may call no hooks: RoundTrippers
// must close it, and then the request is written.
type upload struct {
	io.ReadCloser
	close func()
}

func (u *upload) Close() error {
	err := u.ReadCloser.Close()
	u.close()
	return err
}

// watchUpload puts an upload in the place of the request's body, and of those
// that a base gets to try again with.
func (r *Record) watchUpload() {
	watched := func(body io.ReadCloser) io.ReadCloser {
		r.mu.Lock()
		r.uploads++
		r.wrote = false
		r.mu.Unlock()
		return &upload{body, sync.OnceFunc(r.uploaded)}
	}
	r.req.Body = watched(r.req.Body)
	if again := r.req.GetBody; again != nil {
		r.req.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			if err != nil {
				return nil, err
			}
			return watched(body), nil
		}
	}
}

// uploaded notes that the base has closed one body. Where hooks are called,
// WroteRequest comes after that and says more.
func (r *Record) uploaded() {
	r.mu.Lock()
	r.uploads--
	done := r.uploads == 0 && !r.hooked
	r.mu.Unlock()
	if done {
		r.written()
	}
}

func (r *Record) isWritten() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrote
}

// waitWritten waits until the request is written, but no longer than d. Most
// often it is: the hook may only be a moment later than a fast response.
func (r *Record) waitWritten(d time.Duration) bool {
	r.mu.Lock()
	if r.wrote {
		r.mu.Unlock()
		return true
	}
	written := make(chan struct{})
	r.onWrote = written
	r.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-written:
		return true
	case <-t.C:
		return false
	}
}
