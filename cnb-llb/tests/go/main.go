// Records what BuildKit's Go client makes of graphs, for the tests of cnb-llb, and measures how fast it is.
//
//	go run . record ../golden    writes graphs.json, coverage.json and random.txt
//	go run . bench GRAPH COUNT   builds and marshals a graph; prints what it costs
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/proto"
)

func main() {
	log.SetFlags(0)
	switch {
	case len(os.Args) == 3 && os.Args[1] == "record":
		record(os.Args[2])
	case len(os.Args) == 4 && os.Args[1] == "bench":
		bench(os.Args[2], os.Args[3])
	default:
		log.Fatal("usage: record DIRECTORY | bench GRAPH COUNT")
	}
}

// graph is what is recorded of a case.
type graph struct {
	Name string `json:"name"`
	// Head is the digest of the vertex that the definition points to; empty for scratch.
	Head string `json:"head"`
	// Definition is the pb.Definition, marshalled deterministically, in hexadecimal digits.
	Definition string `json:"definition"`
	// JSON is the digest of what buildctl debug dump-llb prints.
	JSON string `json:"json"`
}

func record(directory string) {
	coverage := newCoverage()
	graphs := []graph{}
	for _, c := range cases() {
		def := marshal(c.state)
		coverage.add(c.name, def)
		head, err := (&llb.Definition{Def: def.Def}).Head()
		check(err)
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(def)
		check(err)
		graphs = append(graphs, graph{c.name, string(head), hex.EncodeToString(data), jsonDigest(def)})
	}
	write(directory, "graphs.json", map[string]any{"buildkit": version(), "graphs": graphs})
	write(directory, "coverage.json", map[string]any{"buildkit": version(), "coverage": coverage.fields})
	check(os.WriteFile(filepath.Join(directory, "random.txt"), []byte(randomDigests()), 0o644))
}

func marshal(state llb.State) *pb.Definition {
	def, err := state.Marshal(context.Background(), llb.LinuxAmd64, llb.LocalUniqueID("unique"))
	check(err)
	message := def.ToPB()
	simplify(message)
	return message
}

// simplify removes what says nothing: Go's client writes an empty list of locations for each vertex that has none.
func simplify(def *pb.Definition) {
	if def == nil || def.Source == nil {
		return
	}
	for digest, locations := range def.Source.Locations {
		if len(locations.Locations) == 0 {
			delete(def.Source.Locations, digest)
		}
	}
	for _, info := range def.Source.Infos {
		simplify(info.Definition)
	}
	if len(def.Source.Locations) == 0 && len(def.Source.Infos) == 0 {
		def.Source = nil
	}
}

// jsonDigest is of the lines that buildctl debug dump-llb prints: a JSON object for each operation.
func jsonDigest(def *pb.Definition) string {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, operation := range def.Def {
		var op pb.Op
		check(op.Unmarshal(operation))
		name := digest.FromBytes(operation)
		check(encoder.Encode(struct {
			Op         *pb.Op
			Digest     digest.Digest
			OpMetadata *pb.OpMetadata
		}{&op, name, def.Metadata[string(name)]}))
	}
	return digest.FromBytes(lines.Bytes()).String()
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		log.Fatal("this program has no build info")
	}
	for _, module := range info.Deps {
		if module.Path == "github.com/moby/buildkit" {
			return module.Version
		}
	}
	log.Fatal("this program was built without BuildKit")
	return ""
}

func write(directory, name string, value any) {
	file, err := os.Create(filepath.Join(directory, name))
	check(err)
	encoder := json.NewEncoder(file)
	encoder.SetIndent("", " ")
	check(encoder.Encode(value))
	check(file.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(fmt.Errorf("recording: %w", err))
	}
}
