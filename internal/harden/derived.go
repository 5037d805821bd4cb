package harden

import (
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// derived keeps what was computed from an inventory.
type derived struct {
	mu     sync.Mutex
	values map[reflect.Type]*once
}

type once struct {
	sync.Once
	value any
	done  atomic.Bool        // value is there
	of    []schema.GroupKind // what it was derived of; none: it is not handed on
}

// Fresh is a copy that shares everything but what was derived from it. It is
// taken after something in the inventory was changed.
func (i *Inventory) Fresh() *Inventory {
	next := *i
	next.derived = &derived{values: map[reflect.Type]*once{}}
	return &next
}

// Derive is compute of the inventory, computed once for each type T and kept,
// however many ask and from however many goroutines; on an inventory that is no
// Fresh one it is computed anew each time. Compute must not ask for the same T.
//
// Of are the parts of the inventory that it is computed of, as in Reads: what is
// derived is handed on to an inventory in which none of them is another. With none
// it is not handed on. What holds a Workload is of Templates, Pods and PodStatus.
func Derive[T any](i *Inventory, compute func(*Inventory) T, of ...schema.GroupKind) T {
	if i.derived == nil {
		return compute(i)
	}
	key := reflect.TypeFor[T]()
	i.derived.mu.Lock()
	o := i.derived.values[key]
	if o == nil {
		o = &once{of: of}
		i.derived.values[key] = o
	}
	i.derived.mu.Unlock()
	o.Do(func() {
		o.value = compute(i)
		o.done.Store(true)
	})
	return o.value.(T)
}

// An Overlaid value was derived from an inventory and keeps it: Over is the same
// value over a later one, so that the former is not kept alive.
type Overlaid interface{ Over(*Inventory) any }

// Inherit hands on what was derived from the inventory before, unless a part that
// it was derived of is another. It is called on a Fresh inventory before anybody derives.
func (i *Inventory) Inherit(before *Inventory, changed func(schema.GroupKind) bool) {
	before.derived.mu.Lock()
	defer before.derived.mu.Unlock()
	for key, o := range before.derived.values {
		if len(o.of) == 0 || !o.done.Load() || slices.ContainsFunc(o.of, changed) {
			continue
		}
		next := &once{of: o.of, value: o.value}
		if over, ok := o.value.(Overlaid); ok {
			next.value = over.Over(i)
		}
		next.Do(func() {})
		next.done.Store(true)
		i.derived.values[key] = next
	}
}
