package main

import (
	"strings"
	"testing"
)

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0000000000000000 20 4 30 10 -1
   2: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0000000000000000 20 4 30 10 -1
   3: 0100007F:9C42 0100007F:1F90 06 00000000:00000000 03:00000D5E 00000000     0        0 0 3 0000000000000000
   4: 0100007F:1F90 0100007F:9C44 05 00000000:00000000 03:00000D5E 00000000     0        0 0 3 0000000000000000
   5: 0100007F:9C44 0100007F:1F90 08 00000000:00011B20 00:00000000 00000000     0        0 14 1 0000000000000000 20 4 30 10 -1
   6: 0100007F:0016 0100007F:9C46 01 00000000:00000000 00:00000000 00000000     0        0 15 1 0000000000000000 20 4 30 10 -1
`

const tcp6Table = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:1F90 00000000000000000000000001000000:9C50 06 00000000:00000000 03:00000D5E 00000000     0        0 0 3 0000000000000000
`

func TestSocketsAreToldApartByTheServersPort(t *testing.T) {
	s := &sockets{Client: states{}, Server: states{}}
	for _, table := range []string{tcpTable, tcp6Table} {
		if err := s.parseTCP(strings.NewReader(table), byServerPort(8080)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := s.String(), "est 1/1 tw 1/1 cw 1/0 fw2 0/1"; got != want {
		t.Errorf("sockets are %q, want %q", got, want)
	}
	if !s.moving() {
		t.Error("a socket in CLOSE_WAIT is not taken for one on its way")
	}
}

func TestSocketsThatAreUnknownOrNoneLookDifferent(t *testing.T) {
	var unknown *sockets
	if got := unknown.String(); got != "-" {
		t.Errorf("unknown sockets are shown as %q", got)
	}
	none := &sockets{Client: states{}, Server: states{}}
	if got := none.String(); got != "none" {
		t.Errorf("no sockets are shown as %q", got)
	}
	if none.moving() {
		t.Error("no sockets are on their way")
	}
}

func TestSocketTableThatIsNotOne(t *testing.T) {
	for _, line := range []string{"0: nonsense 0100007F:1F90 01", "0: 0100007F:1F90 0100007F:XYZ 01"} {
		s := &sockets{Client: states{}, Server: states{}}
		if err := s.parseTCP(strings.NewReader("heading\n"+line+"\n"), byServerPort(8080)); err == nil {
			t.Errorf("no error for %q", line)
		}
	}
}

func TestRSTsAreFoundByTheirName(t *testing.T) {
	table := `Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm InSegs OutRsts InCsumErrors
Tcp: 1 11429 798 0
`
	got, err := parseOutRsts(strings.NewReader(table))
	if err != nil || got != 798 {
		t.Errorf("OutRsts is %d, %v; want 798", got, err)
	}
	if _, err := parseOutRsts(strings.NewReader("Tcp: RtoAlgorithm\nTcp: 1\n")); err == nil {
		t.Error("no error for a table without OutRsts")
	}
}
