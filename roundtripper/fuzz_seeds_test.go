package roundtripper_test

import "slices"

// on turns a step of exchange 0 into one of exchange i.
func on(i, step byte) byte { return step | i<<4 }

// start returns the two bytes that start exchange i, with a body of 2000, 3000, 300 KiB or 1
// byte.
func start(i, kind, size byte) []byte { return []byte{stepStart | i<<4 | size<<6, kind} }

// seeds are programs that cover every step, over every kind of body, in stacks
// that cover every layer.
func seeds() (all [][]byte) {
	const post = 160 // the upper bit, and a multiple of kinds
	type program = [][]byte
	programs := []program{
		// Each way in which one body can end.
		{start(0, kindLength, 0), {stepRead, stepReadAll, stepClose, stepClose}, start(1, kindChunked, 2), {on(1, stepReadMuch), on(1, stepClose)}},
		{start(0, kindGzip, 0), {stepRead, stepClose}, start(1, kindGzip, 1), {on(1, stepReadAll)}, start(2, kindNone, 0), {on(2, stepClose)}},
		{start(0, kindHang, 0), {stepReadMuch, stepClose, stepRead}, start(1, kindHang, 0), {on(1, stepReadAside), on(1, stepGoOn), on(1, stepClose)}},
		{start(0, kindEndless, 1), {stepReadAll, stepClose}, start(1, kindEndless, 2), {on(1, stepReadAside), on(1, stepCloseAside)}},
		{start(0, kindCut, 1), {stepReadAll, stepClose}, start(1, kindCut, 2), {on(1, stepClose)}, start(2, kindClose, 0), {on(2, stepClose)}},
		{start(0, kindLength, 2), {stepDrop}, start(1, kindChunked, 0), {on(1, stepRead), on(1, stepDrop), stepCollect}, start(2, kindLength, 0), {on(2, stepReadAll)}},
		{start(0, kindHang, 0), {stepDrop, stepCollect}, start(0, kindEndless, 0), {stepDrop}, start(0, kindGzip, 2), {stepDrop, stepCollect}},
		// Cancels, before and after the response.
		{start(0, kindMute, 0), {stepCancel}, start(1, kindHang, 0), {on(1, stepRead), on(1, stepCancel), on(1, stepReadAll), on(1, stepClose)}},
		{start(0, kindChunked, 2), {stepReadAside, stepCancel}, start(1, kindLength, 2), {on(1, stepCancelAndClose)}},
		{start(0, kindChunked, 0), {stepCancel, stepClose}, start(1, kindGzip, 2), {on(1, stepCancel), on(1, stepReadAll)}},
		// Close under a Read, twice, and by two.
		{start(0, kindHang, 0), {stepReadAside, stepReadAside, stepClose, stepClose}, start(1, kindChunked, 2), {on(1, stepReadAside), on(1, stepCloseAside), on(1, stepClose)}},
		{start(0, kindLength, 2), {stepReadAside, stepCloseAside}, start(1, kindGzip, 2), {on(1, stepCloseAside), on(1, stepReadAll)}},
		// The server breaks connections, in use and idle.
		{start(0, kindHang, 0), {stepRead, stepReset, stepReadAll}, start(1, kindLength, 0), {on(1, stepReadAll)}},
		{start(0, kindMute, 0), start(1, kindLength, 2), {on(1, stepEnd), on(1, stepReadAll), stepReset}},
		{start(0, kindLength, 0), {stepReadAll, stepReset}, start(1, kindLength, 0), {on(1, stepReadAll), on(1, stepEnd)}, start(2, kindLength+post, 0), {on(2, stepClose)}},
		{start(0, kindChunked, 2), {stepDrop, stepReset, stepCollect}},
		// CloseIdleConnections, with bodies in flight.
		{start(0, kindChunked, 0), start(1, kindLength, 0), {on(1, stepReadAll), stepSweep, stepReadAll}, start(2, kindLength, 0), {on(2, stepReadAll)}},
		// Uploads that come after the response, or not.
		{start(0, kindLate, 0), {stepGoOn, stepReadAll}, start(1, kindLate, 0), {on(1, stepReadAside), on(1, stepGoOn)}},
		{start(0, kindLate, 0), {stepReadAll}, start(1, kindLate, 2), {on(1, stepClose)}, start(2, kindLength+post, 0), {on(2, stepReadAll)}},
		{start(0, kindLate, 0), {stepDrop, stepCollect}, start(1, kindLate, 0), {on(1, stepCancel), on(1, stepClose)}},
		// More requests than slots.
		{start(0, kindLength, 0), start(1, kindLength, 0), start(2, kindChunked, 0), start(3, kindLength, 0), {stepClose, on(1, stepClose), on(2, stepReadAll), on(3, stepDrop)}},
		{start(0, kindHang, 0), start(1, kindHang, 0), start(2, kindMute, 0), {on(2, stepCancel), stepCancel}, start(3, kindLength, 0), {on(1, stepCancelAndClose)}},
		{start(0, kindLength, 0), start(1, kindLength, 0), start(2, kindLength, 0), {stepReadAll, on(1, stepReadAll), on(2, stepReadAll)},
			start(0, kindLength, 0), start(1, kindLength, 0), start(2, kindLength, 0), {stepClose, on(1, stepClose), on(2, stepClose)}},
	}
	// Each program in some stacks: plain, TLS and HTTP/2 in turns, and drain,
	// pool, a foreign layer and a timeout with another period.
	for i, p := range programs {
		for proto := range 3 {
			n := 3*i + proto
			stack := byte(proto | n%4<<2 | n/2%4<<4 | n/5%2<<6 | n/7%2<<7)
			all = append(all, slices.Concat(append(program{{stack}}, p...)...))
		}
	}
	// A request with a body that waits for its slot, over each protocol, with
	// one slot and with two.
	for proto := range byte(3) {
		for slots := range byte(2) {
			all = append(all, slices.Concat([]byte{proto | (2+slots)<<4},
				start(0, kindHang, 0), start(1, kindHang, 0), start(2, kindLength+post, 0), start(3, kindLate, 0),
				[]byte{on(2, stepCancel), stepGoOn, stepReadAll, on(3, stepCancel), on(1, stepClose)}))
		}
	}
	return all
}
