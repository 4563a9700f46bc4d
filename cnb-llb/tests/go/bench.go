package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/buildkit/client/llb"
)

// bench prints how many seconds a graph takes, and how many of a processor, how many bytes it has, and how many KiB the
// process had at most.
func bench(graph, count string) {
	vertices, err := strconv.Atoi(count)
	check(err)
	start, used := time.Now(), processor()
	var state llb.State
	switch graph {
	case "chain":
		state = chain(vertices)
	case "merge":
		state = wideMerge(vertices)
	default:
		log.Fatalf("there is no graph %q", graph)
	}
	definition, err := state.Marshal(context.Background(), llb.LinuxAmd64)
	check(err)
	bytes, err := definition.ToPB().Marshal()
	check(err)
	fmt.Println(time.Since(start).Seconds(), (processor() - used).Seconds(), len(bytes), peak())
}

// chain is commands, each on what the one before left.
func chain(count int) llb.State {
	state := llb.Image("docker.io/library/alpine:latest")
	for i := range count {
		state = state.Run(llb.Args([]string{"/bin/sh", "-c", fmt.Sprintf("echo %d > /count", i)})).Root()
	}
	return state
}

// wideMerge is copies, each on no files, on top of each other.
func wideMerge(count int) llb.State {
	source := llb.Local("context", llb.SessionID("s"))
	states := []llb.State{}
	for i := range count {
		path := fmt.Sprintf("/file%d", i)
		states = append(states, llb.Scratch().File(llb.Copy(source, path, path)))
	}
	return llb.Merge(states)
}

// processor is the time that processors worked for this process, garbage collection included.
func processor() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func peak() string {
	status, err := os.ReadFile("/proc/self/status")
	check(err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	return strings.Fields(rest)[0]
}
