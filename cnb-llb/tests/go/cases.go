package main

import (
	"slices"
	"time"

	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// A case is a graph with a name; the tests of cnb-llb have one of the same name that must be the same.
type testCase struct {
	name  string
	state llb.State
}

const (
	digestOne = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	digestTwo = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

var (
	alpine  = llb.Image("alpine")
	app     = llb.Local("app", llb.SessionID("s"))
	scratch = llb.Scratch()
	created = llb.WithCreatedTime(time.Unix(1700000000, 5))
	noTime  = llb.WithCreatedTime(time.Unix(0, 0))
	armV7   = llb.Platform(ocispecs.Platform{OS: "linux", Architecture: "arm", Variant: "v7"})
	windows = llb.Platform(ocispecs.Platform{
		OS: "windows", Architecture: "amd64", OSVersion: "10.0.1", OSFeatures: []string{"win32k"},
	})
)

func cases() []testCase {
	return slices.Concat(sourceCases(), gitCases(), execCases(), mountCases(), fileCases(), copyCases(),
		combineCases(), metadataCases())
}
