package stack

// begun are the layers whose Begin has not failed, and the states that they returned.
type begun struct {
	states [4]any
	more   *[]any // states beyond four
	n      uint8
}

func (b *begun) add(state any) {
	switch {
	case int(b.n) < len(b.states):
		b.states[b.n] = state
	case b.more == nil:
		b.more = &[]any{state}
	default:
		*b.more = append(*b.more, state)
	}
	b.n++
}

func (b *begun) state(i int) any {
	if i < len(b.states) {
		return b.states[i]
	}
	return (*b.more)[i-len(b.states)]
}

// begin runs the layers down to the first that refuses.
func (x *Exchange) begin() error {
	for _, p := range x.pipe.layers {
		st, err := p.Begin(x)
		if err != nil {
			return err
		}
		x.layers.add(st)
	}
	return nil
}
