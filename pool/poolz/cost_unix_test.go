//go:build unix

package poolz

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/pool"
)

const (
	costWorkers = 16
	costRate    = 10_000 // requests a second, at most
	costOther   = "POOLZ_COST_OTHER"
)

var (
	costSlice = flag.Duration("cost.slice", time.Duration(fullsize.Of(1000, 100))*time.Millisecond, "how long a slice of the test of the page's cost is")
	costEvery = flag.Duration("cost.every", time.Second, "how often the page is looked at meanwhile")
	costPairs = flag.Int("cost.pairs", fullsize.Of(300, 1), "how many pairs of slices there are")
)

// What a page costs a client that makes up to 10^4 requests/s while one person looks at it, with
// a script that asks each second, against a client whose page is not looked at: processor time of
// the client's process for each request, in slices of both by turns. The server and whoever looks
// are another process.
func TestOneLookASecondCostsAClientLittle(t *testing.T) {
	if os.Getenv(costOther) != "" {
		otherProcess()
		return
	}
	if raceEnabled {
		t.Skip("SKIPPED: it measures time")
	}
	other := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-cost.every="+costEvery.String())
	other.Env = append(os.Environ(), costOther+"=1")
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close() // then it ends
		other.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(line)

	type variant struct {
		pool   *pool.Pool
		client *http.Client
		page   string // empty: not looked at
		each   []time.Duration
		sent   int64
		took   time.Duration
	}
	var variants [2]*variant
	for i := range variants {
		p := newPool(t, pool.Options{})
		variants[i] = &variant{pool: p, client: &http.Client{Transport: p.Middleware(&http.Transport{MaxIdleConnsPerHost: costWorkers})}}
		if i == 1 {
			page := httptest.NewServer(Handler(p))
			t.Cleanup(page.Close)
			variants[i].page = page.URL
		}
		send(t, variants[i].client, url, *costSlice/5)
	}
	pairs := *costPairs
	for n := range 2 * pairs {
		v := variants[(n+n/2)%2] // no variant is always the second
		fmt.Fprintln(in, v.page)
		began, cpu := time.Now(), processorTime()
		sent := send(t, v.client, url, *costSlice)
		d := processorTime() - cpu
		v.took += time.Since(began)
		v.sent += sent
		v.each = append(v.each, d/time.Duration(sent))
	}
	var ratios []float64
	for i := range pairs {
		ratios = append(ratios, float64(variants[1].each[i])/float64(variants[0].each[i]))
	}
	slices.Sort(ratios)
	of := func(q float64) float64 { return 100 * (ratios[int(q*float64(len(ratios)-1))] - 1) }
	for i, name := range []string{"no page", "looked at"} {
		v := variants[i]
		slices.Sort(v.each)
		t.Logf("%-16s %6.0f requests/s, %v of the processor for each (median of %d slices of %v)", name, float64(v.sent)/v.took.Seconds(), v.each[len(v.each)/2], pairs, *costSlice)
	}
	h := Handler(variants[1].pool)
	ask(h, "/")
	look := took(func() {
		for range 20 {
			ask(h, "/")
		}
	}) / 20
	t.Logf("the page itself takes %v of the processor for a look: %.2f %% of what the client takes in a second", look,
		100*look.Seconds()*variants[0].took.Seconds()/(float64(variants[0].sent)*variants[0].each[len(variants[0].each)/2].Seconds()))
	t.Logf("a look each %v costs %.2f %% (median of pairs; quartiles %.2f %% and %.2f %%)", *costEvery, of(0.5), of(0.25), of(0.75))
	if of(0.5) > 1 && fullsize.Asked() {
		t.Errorf("want less than 1 %%")
	}
}

// send makes requests for so long, and returns how many.
func send(t *testing.T, c *http.Client, url string, d time.Duration) int64 {
	var sent, failed atomic.Int64
	began := time.Now()
	var all sync.WaitGroup
	for range costWorkers {
		all.Go(func() {
			for time.Since(began) < d {
				resp, err := c.Get(url)
				if err != nil {
					failed.Add(1)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if early := time.Duration(sent.Add(1))*time.Second/costRate - time.Since(began); early > 0 {
					time.Sleep(early)
				}
			}
		})
	}
	all.Wait()
	if n := failed.Load(); n > 0 || sent.Load() == 0 {
		t.Fatalf("%d requests failed of %d", n, sent.Load())
	}
	return sent.Load()
}

func processorTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// otherProcess is a server, and looks each second at the page whose URL it has last read, until
// there is nothing more to read.
func otherProcess() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello\n") }))
	defer srv.Close()
	fmt.Println(srv.URL)
	var page atomic.Value
	page.Store("")
	end := make(chan struct{})
	go func() {
		defer close(end)
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			page.Store(lines.Text())
		}
	}()
	every := time.NewTicker(*costEvery)
	defer every.Stop()
	for {
		if url := page.Load().(string); url != "" {
			if resp, err := http.Get(url); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}
		select {
		case <-every.C:
		case <-end:
			return
		}
	}
}
