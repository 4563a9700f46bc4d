// Reads a tar and prints the digest of what the Go lifecycle makes of it in a layer: see `TarLayer` in
// layers/tar.go of the lifecycle. The test `go_writes_the_same_entries` in src/layer/normalize.rs has the tar.
//
//	go run normalize.go < foreign.tar
package main

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	hash := sha256.New()
	reader, writer := tar.NewReader(os.Stdin), tar.NewWriter(hash)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			break
		}
		check(err)
		header.ModTime = time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC)
		header.Uname, header.Gname = "", ""
		check(writer.WriteHeader(header))
		_, err = io.Copy(writer, reader)
		check(err)
	}
	check(writer.Close())
	fmt.Printf("sha256:%x\n", hash.Sum(nil))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
