// load: asks a webhook by HTTPS on kept connections, and prints one line of JSON: how many answers, how long they took.
//
//	load -url https://127.0.0.1:9443/mutate -body FILE -connections 16 -seconds 3 [-rate N] [-count N]
//
// Without a rate each connection asks again when it has its answer. With one, requests are due at even times, whatever
// the answers do, and are timed from when they were due. Any answer but 200 ends it.
package main

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

var (
	target      = flag.String("url", "", "where to ask")
	bodyFile    = flag.String("body", "", "what to send")
	connections = flag.Int("connections", 16, "how many, each with one request at a time")
	seconds     = flag.Float64("seconds", 3, "how long")
	rate        = flag.Float64("rate", 0, "requests a second of all connections together; 0: as fast as they are answered")
	count       = flag.Int64("count", 0, "so many requests, however long they take")
)

type asker struct {
	conn    *tls.Conn
	in      *bufio.Reader
	request []byte
	took    []time.Duration
}

func dial(where *url.URL, request []byte) (*asker, error) {
	conn, err := tls.Dial("tcp", where.Host, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return nil, err
	}
	return &asker{conn: conn, in: bufio.NewReaderSize(conn, 32<<10), request: request}, nil
}

func (a *asker) ask() ([]byte, error) {
	if _, err := a.conn.Write(a.request); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(a.in, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", answer.StatusCode, text)
	}
	return text, err
}

// pace says when requests are due, at even times, until the end. By the kernel's timer: Go's own is up to a millisecond
// late when nothing else is to do, and what was due meanwhile would come at once.
func pace(begin, end time.Time, due chan<- time.Time) error {
	defer close(due)
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return err
	}
	ticks := os.NewFile(uintptr(timer), "timer")
	defer ticks.Close()
	every := time.Duration(float64(time.Second) / *rate)
	spec := unix.NsecToTimespec(every.Nanoseconds())
	if err := unix.TimerfdSettime(timer, 0, &unix.ItimerSpec{Interval: spec, Value: spec}, nil); err != nil {
		return err
	}
	at := begin
	for told := make([]byte, 8); at.Before(end); {
		if _, err := ticks.Read(told); err != nil {
			return err
		}
		for n := binary.NativeEndian.Uint64(told); n > 0; n-- {
			at = at.Add(every)
			due <- at
		}
	}
	return nil
}

func (a *asker) run(end time.Time, left *atomic.Int64, paced <-chan time.Time) error {
	for {
		due, ok := time.Now(), true
		if paced != nil {
			due, ok = <-paced
		}
		if !ok || *count > 0 && left.Add(-1) < 0 || *count == 0 && !due.Before(end) {
			return nil
		}
		if _, err := a.ask(); err != nil {
			return err
		}
		a.took = append(a.took, time.Since(due))
	}
}

func all(askers []*asker) (time.Duration, error) {
	var left atomic.Int64
	var wait sync.WaitGroup
	var paced chan time.Time
	failed := make(chan error, len(askers)+1)
	begin := time.Now()
	end := begin.Add(time.Duration(*seconds * float64(time.Second)))
	left.Store(*count)
	if *rate > 0 {
		paced = make(chan time.Time, int(*seconds**rate)+1)
		wait.Go(func() {
			if err := pace(begin, end, paced); err != nil {
				failed <- err
			}
		})
	}
	for _, a := range askers {
		wait.Go(func() {
			if err := a.run(end, &left, paced); err != nil {
				failed <- err
			}
		})
	}
	wait.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return time.Since(begin), nil
	}
}

func measure() error {
	where, err := url.Parse(*target)
	if err != nil {
		return err
	}
	body, err := os.ReadFile(*bodyFile)
	if err != nil {
		return err
	}
	request := fmt.Appendf(nil, "POST %s?timeout=3s HTTP/1.1\r\nHost: %s\r\nUser-Agent: kube-apiserver-admission\r\n"+
		"Content-Length: %d\r\nAccept: application/json, */*\r\nContent-Type: application/json\r\n"+
		"Accept-Encoding: gzip\r\n\r\n", where.Path, where.Host, len(body))
	request = append(request, body...)
	askers := make([]*asker, *connections)
	for i := range askers {
		if askers[i], err = dial(where, request); err != nil {
			return err
		}
		if _, err = askers[i].ask(); err != nil {
			return err
		}
	}
	took, err := all(askers)
	if err != nil {
		return err
	}
	var each []time.Duration
	for _, a := range askers {
		each = append(each, a.took...)
	}
	sort.Slice(each, func(i, k int) bool { return each[i] < each[k] })
	if len(each) == 0 {
		return fmt.Errorf("nothing was asked within %g s", *seconds)
	}
	ms := func(share float64) float64 {
		return float64(each[int(share*float64(len(each)-1))].Microseconds()) / 1000
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]float64{"requests": float64(len(each)), "asked": float64(len(each) + len(askers)),
		"seconds": took.Seconds(), "p50_ms": ms(0.5), "p99_ms": ms(0.99), "max_ms": ms(1)})
}

func main() {
	flag.Parse()
	if err := measure(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}
