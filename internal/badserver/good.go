package badserver

// Good is a server that answers every request: a failure is the client's.
func Good(p Proto) Fault { return Fault{Name: "good " + string(p), Proto: p} }
