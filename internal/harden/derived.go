package harden

import (
	"reflect"
	"sync"
)

// derived keeps what was computed from an inventory.
type derived struct {
	mu     sync.Mutex
	values map[reflect.Type]*once
}

type once struct {
	sync.Once
	value any
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
func Derive[T any](i *Inventory, compute func(*Inventory) T) T {
	if i.derived == nil {
		return compute(i)
	}
	key := reflect.TypeFor[T]()
	i.derived.mu.Lock()
	o := i.derived.values[key]
	if o == nil {
		o = &once{}
		i.derived.values[key] = o
	}
	i.derived.mu.Unlock()
	o.Do(func() { o.value = compute(i) })
	return o.value.(T)
}
