package pool

// WithoutCollections returns p, which then runs no garbage collection while requests wait. In a
// bubble minutes of waiting pass in a moment, and the hundred collections for them would take
// most of the time of all tests.
func WithoutCollections(p *Pool) *Pool {
	p.gc.collect = func() {}
	return p
}
