package badserver

// Good is a server that answers every request: what fails is the client's doing.
func Good(p Proto) Fault { return Fault{Name: "good " + string(p), Proto: p} }
