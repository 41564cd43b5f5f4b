// linearizable says whether a history of registers is linearizable, each key by itself: whether one order of all reads
// and writes explains every answer, in which each happened between its call and its return. It is judged by porcupine.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// Exit statuses.
const (
	isLinearizable  = 0
	notLinearizable = 1
	unreadable      = 2
	undecided       = 3
)

// judge says in a sentence, or one for each key that is not linearizable, what it finds. Returns the exit status.
func judge(histories map[int][]operation, limit time.Duration, out io.Writer) int {
	status, operations, unknown := isLinearizable, 0, 0
	keys := make([]int, 0, len(histories))
	for key, history := range histories {
		keys = append(keys, key)
		operations += len(history)
		for _, o := range history {
			if o.Return == nil {
				unknown++
			}
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		why, decided := check(histories[key], limit)
		if why != "" {
			fmt.Fprintf(out, "key %d: %s\n", key, why)
		}
		if why != "" && decided {
			status = notLinearizable
		} else if !decided && status == isLinearizable {
			status = undecided
		}
	}
	word := map[int]string{isLinearizable: "linearizable", notLinearizable: "NOT linearizable", undecided: "not decided"}[status]
	fmt.Fprintf(out, "%s: %d operations on %d keys, %d with an unknown outcome\n", word, operations, len(keys), unknown)
	return status
}

func run(name string, limit time.Duration, out, complaints io.Writer) int {
	file, err := os.Open(name)
	if err == nil {
		defer file.Close()
		var histories map[int][]operation
		if histories, err = readHistory(file); err == nil {
			return judge(histories, limit, out)
		}
	}
	fmt.Fprintf(complaints, "linearizable: %s: %v\n", name, err)
	return unreadable
}

func main() {
	limit := flag.Duration("limit", time.Minute, "how long one key may take")
	flag.Usage = func() {
		fmt.Fprintf(os.Stderr, "usage: linearizable [-limit TIME] FILE\nFILE is a history as codis-writers --registers writes it. "+
			"Exit status: 0 linearizable, 1 not, 2 cannot be read, 3 not decided in time\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(unreadable)
	}
	os.Exit(run(flag.Arg(0), *limit, os.Stdout, os.Stderr))
}
