package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// write and read make lines of a history; end 0: the outcome is not known.
func line(op string, client, key int, value, call, end int64) string {
	s := fmt.Sprintf(`{"client":%d,"op":"%s","key":%d,"value":%d,"call":%d`, client, op, key, value, call)
	if end > 0 {
		s += fmt.Sprintf(`,"return":%d`, end)
	}
	return s + "}\n"
}

func says(t *testing.T, status int, sentence string, lines ...string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if got := run(name, time.Minute, &out, &out); got != status {
		t.Errorf("exit status %d, not %d: %s", got, status, out.String())
	}
	if got := strings.ReplaceAll(out.String(), name, "FILE"); got != sentence+"\n" {
		t.Errorf("it says\n%snot\n%s", got, sentence)
	}
}

func TestReadsOfWhatWasWrittenAreLinearizable(t *testing.T) {
	says(t, 0, "linearizable: 5 operations on 2 keys, 0 with an unknown outcome",
		line("read", 0, 1, 0, 1, 2), line("write", 0, 1, 7, 3, 4), line("read", 1, 1, 7, 5, 6),
		line("write", 2, 2, 8, 1, 9), line("read", 1, 2, 0, 7, 8))
}

func TestALostWriteIsNot(t *testing.T) {
	says(t, 1, "key 1: no order of its 3 operations explains this one: client 1: read of 7, from 5 to 6 ns\n"+
		"NOT linearizable: 3 operations on 1 keys, 0 with an unknown outcome",
		line("write", 0, 1, 7, 1, 2), line("write", 0, 1, 8, 3, 4), line("read", 1, 1, 7, 5, 6))
}

func TestAReadThatGoesBackIsNot(t *testing.T) {
	says(t, 1, "key 1: no order of its 4 operations explains this one: client 2: read of 7, from 7 to 8 ns\n"+
		"NOT linearizable: 4 operations on 1 keys, 0 with an unknown outcome",
		line("write", 0, 1, 7, 1, 2), line("write", 0, 1, 8, 3, 9), line("read", 1, 1, 8, 5, 6), line("read", 2, 1, 7, 7, 8))
}

func TestEachKeyIsJudgedByItself(t *testing.T) {
	says(t, 1, "key 2: no order of its 2 operations explains this one: client 1: read of 0, from 3 to 4 ns\n"+
		"NOT linearizable: 4 operations on 2 keys, 0 with an unknown outcome",
		line("write", 0, 1, 7, 1, 2), line("read", 1, 1, 7, 3, 4), line("write", 0, 2, 7, 1, 2), line("read", 1, 2, 0, 3, 4))
}

func TestAWriteWithAnUnknownOutcomeMayHaveHappenedOrNot(t *testing.T) {
	before := []string{line("write", 0, 1, 7, 1, 2), line("write", 1, 1, 8, 3, 0)}
	says(t, 0, "linearizable: 3 operations on 1 keys, 1 with an unknown outcome", append(before, line("read", 2, 1, 7, 5, 6))...)
	says(t, 0, "linearizable: 3 operations on 1 keys, 1 with an unknown outcome", append(before, line("read", 2, 1, 8, 5, 6))...)
	says(t, 0, "linearizable: 4 operations on 1 keys, 1 with an unknown outcome",
		append(before, line("read", 2, 1, 7, 5, 6), line("read", 2, 1, 8, 7, 8))...)
}

func TestOnceReadItHasHappened(t *testing.T) {
	says(t, 1, "key 1: no order of its 4 operations explains this one: client 2: read of 7, from 7 to 8 ns\n"+
		"NOT linearizable: 4 operations on 1 keys, 1 with an unknown outcome",
		line("write", 0, 1, 7, 1, 2), line("write", 1, 1, 8, 3, 0), line("read", 2, 1, 8, 5, 6), line("read", 2, 1, 7, 7, 8))
}

func TestAReadBeforeItsWriteIsNot(t *testing.T) {
	says(t, 1, "key 1: no order of its 2 operations explains this one: client 2: read of 8, from 1 to 2 ns\n"+
		"NOT linearizable: 2 operations on 1 keys, 1 with an unknown outcome",
		line("write", 1, 1, 8, 3, 0), line("read", 2, 1, 8, 1, 2))
}

func TestAReadWithoutAnAnswerSaysNothing(t *testing.T) {
	says(t, 0, "linearizable: 2 operations on 1 keys, 1 with an unknown outcome",
		line("write", 0, 1, 7, 1, 2), line("read", 1, 1, 0, 3, 0))
}

func TestWhatIsNoHistoryIsSaid(t *testing.T) {
	for want, lines := range map[string]string{
		"it is empty, which says nothing":                                        "",
		`line 1: op is "incr", where read or write is wanted`:                    line("incr", 0, 1, 1, 1, 2),
		"line 1: a write of 0, where values begin at 1":                          line("write", 0, 1, 0, 1, 2),
		"line 1: a read of -1, where 0 is a register that nobody wrote to":       line("read", 0, 1, -1, 1, 2),
		"line 1: it returns at 2, before its call at 3":                          line("read", 0, 1, 0, 3, 2),
		"line 2: key 1: 7 is written twice, so a read does not say whose it was": line("write", 0, 1, 7, 1, 2) + line("write", 0, 1, 7, 3, 4),
		"line 2: unexpected end of JSON input":                                   line("write", 0, 1, 7, 1, 2) + "{",
		"line 1: bufio.Scanner: token too long":                                  strings.Repeat(" ", lineMax+1),
	} {
		says(t, 2, "linearizable: FILE: "+want, lines)
	}
}

func TestAFileThatIsNotThereIsSaid(t *testing.T) {
	var out bytes.Buffer
	if got := run("/no/such/file", time.Minute, &out, &out); got != 2 || out.String() != "linearizable: /no/such/file: open /no/such/file: no such file or directory\n" {
		t.Errorf("%d: %s", got, out.String())
	}
}

// played is a history of few operations by chance, many of which are not linearizable.
func played(random *rand.Rand) []operation {
	var history []operation
	for value := int64(1); value <= 7; value++ {
		o := operation{Client: int(value), Op: "write", Value: value, Call: random.Int63n(40)}
		if random.Intn(2) == 0 {
			o.Op, o.Value = "read", random.Int63n(8)
		}
		if end := o.Call + random.Int63n(15); random.Intn(3) > 0 {
			o.Return = &end
		}
		history = append(history, o)
	}
	return history
}

func TestWhatIsSettledChangesNoVerdict(t *testing.T) {
	random, verdicts := rand.New(rand.NewSource(1)), map[bool]int{}
	for i := 0; i < 20000; i++ {
		history := played(random)
		var asked []operation
		for _, o := range history {
			if o.Op == "write" || o.Return != nil { // the answer of any other read is not known
				asked = append(asked, o)
			}
		}
		want := porcupine.CheckOperations(register, operations(asked))
		why, decided := check(history, time.Minute)
		if !decided || (why == "") != want {
			t.Fatalf("%v: %q, where porcupine alone says %v", history, why, want)
		}
		verdicts[want]++
	}
	if verdicts[true] < 1000 || verdicts[false] < 1000 {
		t.Errorf("chance has made too few of a kind: %v", verdicts)
	}
}
