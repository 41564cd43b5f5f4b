package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	lineMax       = 4096
	operationsMax = 10_000_000
	never         = math.MaxInt64
)

// operation is one line of a history: a client read or wrote a register. Times are nanoseconds of one clock. Value 0 is
// the one that a register has before anybody has written to it. Without a return its outcome is not known: it may have
// happened at any time since its call, or never.
type operation struct {
	Client int    `json:"client"`
	Op     string `json:"op"`
	Key    int    `json:"key"`
	Value  int64  `json:"value"`
	Call   int64  `json:"call"`
	Return *int64 `json:"return"`
}

func (o operation) end() int64 {
	if o.Return == nil {
		return never
	}
	return *o.Return
}

func (o operation) String() string {
	what := fmt.Sprintf("client %d: %s of %d", o.Client, o.Op, o.Value)
	if o.Return == nil {
		return fmt.Sprintf("%s, called at %d ns, with an unknown outcome", what, o.Call)
	}
	return fmt.Sprintf("%s, from %d to %d ns", what, o.Call, *o.Return)
}

func (o operation) check() error {
	switch {
	case o.Op != "read" && o.Op != "write":
		return fmt.Errorf("op is %q, where read or write is wanted", o.Op)
	case o.Op == "write" && o.Value <= 0:
		return fmt.Errorf("a write of %d, where values begin at 1", o.Value)
	case o.Value < 0:
		return fmt.Errorf("a read of %d, where 0 is a register that nobody wrote to", o.Value)
	case o.end() < o.Call:
		return fmt.Errorf("it returns at %d, before its call at %d", o.end(), o.Call)
	}
	return nil
}

// readHistory reads JSON lines to the operations of each key.
func readHistory(from io.Reader) (map[int][]operation, error) {
	type written struct {
		key   int
		value int64
	}
	histories, values := map[int][]operation{}, map[written]bool{}
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, lineMax), lineMax)
	number := 0
	for lines.Scan() {
		if number++; number > operationsMax {
			return nil, fmt.Errorf("more than %d lines", operationsMax)
		}
		var o operation
		err := json.Unmarshal(lines.Bytes(), &o)
		if err == nil {
			err = o.check()
		}
		if at := (written{o.Key, o.Value}); err == nil && o.Op == "write" {
			if values[at] {
				err = fmt.Errorf("key %d: %d is written twice, so a read does not say whose it was", o.Key, o.Value)
			}
			values[at] = true
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		histories[o.Key] = append(histories[o.Key], o)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", number+1, err)
	}
	if number == 0 {
		return nil, errors.New("it is empty, which says nothing")
	}
	return histories, nil
}
