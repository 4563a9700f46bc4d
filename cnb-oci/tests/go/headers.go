// Prints the digest of 20,000 pseudo-random tar headers as Go's archive/tar writes them.
// The test `go_writes_the_same_headers` in src/layer/header.rs makes the same headers.
//
//	go run headers.go
package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"
)

type random uint64

func (r *random) next(below uint64) uint64 {
	*r = *r*6364136223846793005 + 1442695040888963407
	return uint64(*r>>33) % below
}

func (r *random) text(longest uint64, start string) string {
	text := []byte(start)
	odd := r.next(4) == 0
	for left := r.next(longest) + 1; left > 0; left-- {
		switch {
		case odd && r.next(20) == 0:
			text = append(text, byte(0x80+r.next(0x80)))
		case r.next(25) == 0 && text[len(text)-1] != '/':
			text = append(text, '/')
		default:
			text = append(text, byte('b'+r.next(20)))
		}
	}
	return string(bytes.TrimRight(text, "/")) + "z"
}

func main() {
	r := random(1)
	digest := sha256.New()
	var written bytes.Buffer
	for range 20000 {
		written.Reset()
		kinds := []byte{tar.TypeReg, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeDir, tar.TypeFifo}
		header := &tar.Header{Typeflag: kinds[r.next(6)], ModTime: time.Unix(315532801, 0)}
		header.Name = r.text([]uint64{20, 110, 300}[r.next(3)], "/a")
		header.Mode = int64(r.next(0o10000))
		header.Uid = int(r.next([]uint64{3000, 0x100000000}[r.next(2)]))
		header.Gid = int(r.next([]uint64{3000, 0x100000000}[r.next(2)]))
		switch header.Typeflag {
		case tar.TypeReg:
			header.Size = int64(r.next(1<<31) << r.next(8))
		case tar.TypeSymlink:
			header.Linkname = r.text([]uint64{20, 110, 300}[r.next(3)], "a")
		case tar.TypeChar, tar.TypeBlock:
			header.Devmajor = int64(r.next(4096))
			header.Devminor = int64(r.next(1 << 20))
		}
		if err := tar.NewWriter(&written).WriteHeader(header); err != nil {
			panic(err)
		}
		digest.Write(written.Bytes())
	}
	fmt.Printf("%x\n", digest.Sum(nil))
}
