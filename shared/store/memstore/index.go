package memstore

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"tosspay-sam/shared/payment"
)

// position is a record's place in its shard of the due index.
type position struct {
	at     int64 // milliseconds since 1970 UTC
	record payment.DueRecord
}

func (p position) compare(q position) int {
	return cmp.Or(
		cmp.Compare(p.at, q.at),
		strings.Compare(p.record.Kind, q.record.Kind), strings.Compare(p.record.ID, q.record.ID),
	)
}

// index is one shard of the due index: the positions in order, cut into blocks, so that a million records cost a change
// no more than a look at the blocks and a shift within one.
type index struct {
	blocks [][]position // none is empty
}

const blockMax = 512

// block is the number of the block that p belongs to: the last one that begins at or before it.
func (x *index) block(p position) int {
	i, _ := slices.BinarySearchFunc(x.blocks, p, func(b []position, p position) int {
		return cmp.Or(b[0].compare(p), -1) // a block that begins with p is before what is looked for
	})
	return max(0, i-1)
}

func (x *index) insert(p position) {
	if len(x.blocks) == 0 {
		x.blocks = [][]position{{p}}
		return
	}
	b := x.block(p)
	at, _ := slices.BinarySearchFunc(x.blocks[b], p, position.compare)
	x.blocks[b] = slices.Insert(x.blocks[b], at, p)
	if whole := x.blocks[b]; len(whole) > blockMax {
		x.blocks[b] = slices.Clip(whole[:blockMax/2])
		x.blocks = slices.Insert(x.blocks, b+1, slices.Clone(whole[blockMax/2:]))
	}
}

// remove takes a position out that is there.
func (x *index) remove(p position) {
	b := x.block(p)
	at, _ := slices.BinarySearchFunc(x.blocks[b], p, position.compare)
	x.blocks[b] = slices.Delete(x.blocks[b], at, at+1)
	if len(x.blocks[b]) == 0 {
		x.blocks = slices.Delete(x.blocks, b, b+1)
	}
}

// after returns the positions behind p, in order.
func (x *index) after(p position) iter.Seq[position] {
	return func(yield func(position) bool) {
		for b := x.block(p); b < len(x.blocks); b++ {
			at, found := slices.BinarySearchFunc(x.blocks[b], p, position.compare)
			if found {
				at++
			}
			for _, q := range x.blocks[b][at:] {
				if !yield(q) {
					return
				}
			}
		}
	}
}
