package main

import (
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/llbbuild"
	"github.com/moby/buildkit/solver/pb"
)

func combineCases() []testCase {
	file := scratch.File(llb.Mkfile("/a", 0o644, []byte("x")))
	merge := func(states ...llb.State) llb.State { return llb.Merge(states) }
	pass := llb.NewPassthroughOp("id", []llb.PassthroughInput{
		{State: app}, {State: file, Output: true}, {State: scratch}, {State: alpine, Output: true},
	})
	return []testCase{
		{"merge", merge(alpine, file)},
		{"merge-twice", merge(alpine, file, alpine)},
		{"merge-scratch", merge(scratch, alpine, scratch, file)},
		{"merge-one", merge(scratch, alpine)},
		{"merge-none", merge(scratch)},
		{"diff", llb.Diff(alpine, run())},
		{"diff-to-scratch", llb.Diff(alpine, scratch)},
		{"diff-from-scratch", llb.Diff(scratch, alpine)},
		{"diff-of-scratch", llb.Diff(scratch, scratch)},
		{"passthrough", llb.NewPassthrough("id", []llb.PassthroughInput{{State: alpine, Output: true}, {State: app}})},
		{"passthrough-outputs", merge(llb.NewState(pass.OutputAt(1)), llb.NewState(pass.OutputAt(0)))},
		{"requires", alpine.Requires("id", app, file)},
		{"requires-nothing", alpine.Requires("id")},
		{"build", app.With(llbbuild.Build())},
		{"build-filename", app.With(llbbuild.Build(llbbuild.WithFilename("graph.pb"), llbbuild.WithConstraints(armV7)))},
		{"diamond", merge(run().File(llb.Mkdir("/l", 0o755)), run().File(llb.Mkdir("/r", 0o755)))},
	}
}

func metadataCases() []testCase {
	named := func(opts ...llb.ConstraintsOpt) llb.State { return scratch.File(llb.Mkdir("/a", 0o755), opts...) }
	at := func(l int32, c int32) *pb.Position { return &pb.Position{Line: l, Character: c} }
	toml := llb.NewSourceMap(nil, "project.toml", "TOML", []byte("[a]\nb = 1\n"))
	same := llb.NewSourceMap(nil, "project.toml", "TOML", []byte("[a]\nb = 1\n"))
	docker := llb.NewSourceMap(&app, "Dockerfile", "Dockerfile", []byte("FROM a\n"))
	line := func(n int32) []*pb.Range { return []*pb.Range{{Start: at(n, 0), End: at(n, 0)}} }
	return []testCase{
		{"name", named(llb.WithCustomName("[a] é"))},
		{"description", run(llb.WithDescription(map[string]string{"b": "", "a": "1"}))},
		{"ignore-cache", named(llb.IgnoreCache)},
		{"export-cache", named(llb.WithExportCache())},
		{"no-export-cache", named(llb.WithoutExportCache())},
		{"progress-group", named(llb.ProgressGroup("id", "name", false))},
		{"progress-group-weak", named(llb.ProgressGroup("id", "name", true))},
		{"require", llb.Image("alpine", llb.Require("a==b", "c"))},
		{"require-exec", run(llb.Require("a==b"))},
		{"everywhere", llb.Diff(llb.Merge([]llb.State{
			llb.HTTP("https://example.com/", llb.WithCustomName("http")),
			llb.Local("context", llb.WithCustomName("local")),
			llb.Git("https://example.com/a", "", llb.WithCustomName("git")),
			llb.OCILayout("a@"+digestOne, llb.WithCustomName("oci")),
			llb.ImageBlob("a@"+digestOne, llb.WithCustomName("blob")),
			alpine.With(llbbuild.Build(llbbuild.WithConstraints(llb.WithCustomName("build")))),
			llb.NewPassthrough("id", []llb.PassthroughInput{{State: app, Output: true}}, llb.WithCustomName("pass")),
		}, llb.WithCustomName("merge")), scratch, llb.WithCustomName("diff"))},
		{"same-vertex-twice", llb.Merge([]llb.State{
			named(llb.WithDescription(map[string]string{"a": "1", "b": "1"}), llb.WithExportCache()),
			named(llb.WithDescription(map[string]string{"b": "2"}), llb.IgnoreCache, llb.ProgressGroup("i", "n", false)),
		})},
		{"source-map", run(toml.Location(line(2)))},
		{"source-map-span", named(toml.Location([]*pb.Range{{Start: at(1, 2), End: at(2, 3)}}))},
		{"source-map-several", run(toml.Location(append(line(1), line(2)...)), docker.Location(line(1)), same.Location(line(2)))},
		{"source-map-graph", alpine.Run(llb.Args([]string{"a"}), docker.Location(line(1))).
			Run(llb.Args([]string{"b"}), toml.Location(line(1))).
			Run(llb.Args([]string{"c"}), docker.Location(line(1))).Root()},
		{"source-map-twice", llb.Merge([]llb.State{named(toml.Location(line(1))), named(toml.Location(line(2)))})},
	}
}
