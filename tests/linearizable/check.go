package main

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

// register is what porcupine has to know of one: a write sets its value, a read must return it.
var register = porcupine.Model{
	Init: func() interface{} { return int64(0) },
	Step: func(state, input, _ interface{}) (bool, interface{}) {
		o := input.(operation)
		if o.Op == "write" {
			return true, o.Value
		}
		return o.Value == state.(int64), state
	},
}

// settle takes what is not known out of a history, as far as that changes no verdict; values are unique. A read whose
// answer is not known says nothing. A write with an unknown outcome that nobody has read need not have happened; one
// that was read had happened when the first read of it returned.
func settle(history []operation) []operation {
	read := map[int64]int64{} // value: when the first read of it returned
	for _, o := range history {
		if o.Op == "read" && o.Return != nil {
			if at, known := read[o.Value]; !known || *o.Return < at {
				read[o.Value] = *o.Return
			}
		}
	}
	var settled []operation
	for _, o := range history {
		if o.Return == nil {
			at, known := read[o.Value]
			if o.Op == "read" || !known {
				continue
			}
			if at < o.Call {
				at = o.Call // read before it was written: no order will do
			}
			o.Return = &at
		}
		settled = append(settled, o)
	}
	return settled
}

func operations(history []operation) []porcupine.Operation {
	all := make([]porcupine.Operation, 0, len(history))
	for _, o := range history {
		all = append(all, porcupine.Operation{ClientId: o.Client, Input: o, Call: o.Call, Return: o.end()})
	}
	return all
}

// explain says what the longest order that porcupine finds leaves out: of that, the operation that returned first.
func explain(settled []operation, limit time.Duration) string {
	_, info := porcupine.CheckOperationsVerbose(register, operations(settled), limit)
	var longest []porcupine.Operation
	for _, order := range info.PartialLinearizationsOperations()[0] {
		if len(order) > len(longest) {
			longest = order
		}
	}
	ordered := map[operation]bool{}
	for _, o := range longest {
		ordered[o.Input.(operation)] = true
	}
	var first *operation
	for i, o := range settled {
		if !ordered[o] && (first == nil || o.end() < first.end()) {
			first = &settled[i]
		}
	}
	if first == nil {
		return fmt.Sprintf("no order explains its %d operations", len(settled))
	}
	return fmt.Sprintf("no order of its %d operations explains this one: %s", len(settled), first)
}

// check says "" of a linearizable history of one register, else why not. decided: false after the limit.
func check(history []operation, limit time.Duration) (why string, decided bool) {
	settled := settle(history)
	switch porcupine.CheckOperationsTimeout(register, operations(settled), limit) {
	case porcupine.Ok:
		return "", true
	case porcupine.Unknown:
		return fmt.Sprintf("not decided within %s", limit), false
	}
	return explain(settled, limit), true
}
