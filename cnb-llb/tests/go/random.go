package main

import (
	"fmt"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/opencontainers/go-digest"
)

// How many random graphs are recorded; their seeds are the numbers from 0.
const randomGraphs = 1000

// randomDigests are one digest a line, of the digests of all operations of a graph, each followed by a line feed.
func randomDigests() string {
	var lines strings.Builder
	for seed := range randomGraphs {
		var operations strings.Builder
		for _, operation := range marshal(randomGraph(uint64(seed))).Def {
			fmt.Fprintln(&operations, digest.FromBytes(operation))
		}
		fmt.Fprintln(&lines, digest.FromString(operations.String()))
	}
	return lines.String()
}

// random is a xorshift generator, small enough to be written twice.
type random uint64

func (r *random) below(limit uint64) int {
	x := uint64(*r)
	x ^= x << 13
	x ^= x >> 7
	x ^= x << 17
	*r = random(x)
	return int((x >> 33) % limit)
}

func (r *random) flip() bool { return r.below(2) == 1 }

// graph grows from no files; every step adds states that later steps may use.
type randomBuilder struct {
	random
	states []llb.State
}

func randomGraph(seed uint64) llb.State {
	// The generator must not start at zero.
	b := &randomBuilder{random((seed + 1) * 0x9E3779B97F4A7C15), []llb.State{llb.Scratch()}}
	for range 1 + b.below(12) {
		b.step()
	}
	return b.states[len(b.states)-1]
}

func (b *randomBuilder) pick() llb.State { return b.states[b.below(uint64(len(b.states)))] }

func (b *randomBuilder) push(states ...llb.State) { b.states = append(b.states, states...) }

func (b *randomBuilder) step() {
	switch b.below(8) {
	case 0:
		b.push(b.source())
	case 1, 2:
		b.exec()
	case 3, 4:
		b.push(b.pick().File(b.actions()))
	case 5:
		inputs := []llb.State{}
		for range 2 + b.below(3) {
			inputs = append(inputs, b.pick())
		}
		b.push(llb.Merge(inputs))
	case 6:
		lower := b.pick()
		b.push(llb.Diff(lower, b.pick()))
	case 7:
		// Without files it would not be valid.
		state := llb.Image("alpine").File(llb.Mkdir("/p", 0o755))
		b.push(state.Requires(fmt.Sprintf("id%d", b.below(3)), b.pick()))
	}
}

func (b *randomBuilder) source() llb.State {
	name := fmt.Sprintf("n%d", b.below(4))
	switch b.below(4) {
	case 0:
		if b.flip() {
			return llb.Image(name, llb.WithLayerLimit(1+b.below(3)))
		}
		return llb.Image(name)
	case 1:
		if b.flip() {
			return llb.Local(name, llb.ExcludePatterns([]string{"*.o"}))
		}
		return llb.Local(name, llb.SessionID("s"))
	case 2:
		return llb.HTTP("https://example.com/"+name, llb.Chmod(0o600))
	default:
		return llb.Git("https://example.com/"+name, "", llb.GitRef("main"))
	}
}

func (b *randomBuilder) exec() {
	state := b.pick()
	options := []llb.RunOption{llb.Args([]string{"run", fmt.Sprint(b.below(5))})}
	for range b.below(4) {
		name := fmt.Sprintf("V%d", b.below(3))
		options = append(options, llb.With(llb.AddEnv(name, fmt.Sprint(b.below(3)))))
	}
	if b.flip() {
		options = append(options, llb.With(llb.Dir("/work")))
	}
	switch b.below(3) {
	case 1:
		options = append(options, llb.With(llb.Network(llb.NetModeHost)))
	case 2:
		options = append(options, llb.AddSecret("/secret", llb.SecretID("id")))
	}
	outputs := []string{}
	for i := range b.below(4) {
		dest := fmt.Sprintf("/m%d%d", b.below(5), i)
		switch b.below(5) {
		case 0:
			options = append(options, llb.AddMount(dest, llb.Scratch(),
				llb.AsPersistentCacheDir("id", llb.CacheMountSharingMode(b.below(3)))))
		case 1:
			options = append(options, llb.AddMount(dest, llb.Scratch(), llb.Tmpfs(llb.TmpfsSize(int64(b.below(2))))))
		case 2:
			options = append(options, llb.AddMount(dest, b.pick(), llb.Readonly, llb.SourcePath("/sub")))
		case 3:
			options = append(options, llb.AddMount(dest, b.pick(), llb.ForceNoOutput))
		case 4:
			options = append(options, llb.AddMount(dest, b.pick()))
			outputs = append(outputs, dest)
		}
	}
	run := state.Run(options...)
	b.push(run.Root())
	for _, dest := range outputs {
		b.push(run.GetMount(dest))
	}
}

func (b *randomBuilder) actions() *llb.FileAction {
	var action *llb.FileAction
	for range 1 + b.below(3) {
		path := fmt.Sprintf("/p%d", b.below(4))
		switch b.below(6) {
		case 0:
			action = action.Mkfile(path, 0o644, []byte(path))
		case 1:
			action = action.Mkdir(path, 0o755, llb.WithParents(b.flip()), llb.WithUser("user"))
		case 2:
			action = action.Rm(path, llb.WithAllowWildcard(b.flip()))
		case 3:
			action = action.Symlink(path, "/link")
		case 4:
			action = action.Copy(b.pick(), path, "/dest/", created, llb.WithUIDGID(b.below(2), 0))
		case 5:
			source := llb.Copy(b.pick(), path, "/").Mkdir("/prepared", 0o755).WithState(b.pick())
			action = action.Copy(source, "/prepared", path)
		}
	}
	return action
}
