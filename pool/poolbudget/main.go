// Poolbudget fails, for CI, when a program made more new connections for its requests than
// it may. It reads a pool.Stats as JSON, from a file or from its standard input, and needs
// nothing else of the program: json.Marshal(p.Stats()) at the end of a load test, say.
//
//	go run github.com/warmconn/warmconn/pool/poolbudget -max 0.05 stats.json
//
// The figure is Opened / Requests: connections that were opened, those that no request
// came to need too, for each request that was sent. Requests with pool.Exempt are not among
// Requests, and the connections that were opened for them are among Opened: a program that
// makes many of those has a higher figure than the others' own. It needs enough requests, for
// the first connections are among them: 10 requests over one connection have 0.1. With
// -host it is that of the hosts that are named, as far as the Pool had not forgotten them; a host
// is written as in Stats, "https://api.example.com:443", or without the scheme, or the name
// alone, and -host may be given more than once. With fewer requests than -min it fails, for
// they show nothing.
//
// What it prints, if the figure is over the budget, are the new connections by reason and by
// the place in the program that has cost earlier ones, from Stats.NewByCaller: Caller is known of a
// sample of requests, and of all with pool.Options.AlwaysCaller. Where there is none of that,
// it is why connections were closed, from Lost. One place may have cost connections to several
// hosts: with -host such a line is there if the named hosts have new connections for its reason,
// and what it says counts the other hosts', too. The hosts' own are behind their names, from
// HostStats.New. Other are the rest of Opened: connections that no request has needed, or whose
// first request has not ended or was Exempt.
//
// The command is a part of the kit's main module, for it imports the standard library alone:
// go run gets no other module for it.
//
// The exit code is 0 within the budget, 1 over it or with too few requests, and 2 where the
// command or its input is not what it should be. The input is one JSON object; a Stats may be
// the value of its field Stats, and names may be spelled in lower case.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	var most float64
	var least uint64
	var hosts []string
	flag.Float64Var(&most, "max", -1, "the most new connections for each request, 0.05 `say`")
	flag.Uint64Var(&least, "min", 1, "the least `number` of requests to judge by")
	flag.Func("host", "judge only this `host`; may be given more than once (default all)", func(s string) error {
		hosts = append(hosts, s)
		return nil
	})
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: poolbudget -max N [-min REQUESTS] [-host HOST]... [FILE]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if !(most >= 0) || flag.NArg() > 1 {
		flag.Usage()
		os.Exit(2)
	}
	in, err := input(flag.Arg(0))
	if err != nil {
		fail(err)
	}
	s, err := read(bufio.NewReader(in))
	if err != nil {
		fail(err)
	}
	out := bufio.NewWriter(os.Stdout)
	within := s.of(hosts).judge(out, most, least)
	if err := out.Flush(); err != nil {
		fail(err)
	}
	if !within {
		os.Exit(1)
	}
}

func input(file string) (io.Reader, error) {
	if file == "" || file == "-" {
		return os.Stdin, nil
	}
	return os.Open(file) // #nosec G304 -- the file is the user's argument
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "poolbudget:", err)
	os.Exit(2)
}
