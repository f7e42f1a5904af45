// Prints vectors of golang.org/x/mod/sumdb (note, tlog) as JSON.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proof struct {
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Proof []string `json:"proof"`
}

type zero struct{ seed []byte }

func (z zero) Read(p []byte) (int, error) { copy(p, z.seed); return len(p), nil }

func texts(hashes []tlog.Hash) []string {
	out := []string{}
	for _, h := range hashes {
		out = append(out, hex.EncodeToString(h[:]))
	}
	return out
}

func main() {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := []tlog.Hash{}
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	const n = 600
	roots := []string{}
	for i := int64(0); i < n; i++ {
		hashes, err := tlog.StoredHashes(i, []byte(fmt.Sprintf("entry %d", i)), reader)
		if err != nil {
			panic(err)
		}
		stored = append(stored, hashes...)
		root, err := tlog.TreeHash(i+1, reader)
		if err != nil {
			panic(err)
		}
		roots = append(roots, hex.EncodeToString(root[:]))
	}
	inclusion, consistency := []proof{}, []proof{}
	for _, size := range []int64{1, 2, 3, 5, 7, 8, 100, 255, 256, 257, 511, 600} {
		for _, index := range []int64{0, 1, 2, 4, 6, 99, 254, 255, 256, 510, 599} {
			if index < size {
				p, err := tlog.ProveRecord(size, index, reader)
				if err != nil {
					panic(err)
				}
				inclusion = append(inclusion, proof{index, size, texts(p)})
			}
			if index+1 <= size {
				p, err := tlog.ProveTree(size, index+1, reader)
				if err != nil {
					panic(err)
				}
				consistency = append(consistency, proof{index + 1, size, texts(p)})
			}
		}
	}
	tiles := map[string]string{}
	for _, t := range []tlog.Tile{{H: 8, L: 0, N: 0, W: 256}, {H: 8, L: 0, N: 2, W: 88}, {H: 8, L: 1, N: 0, W: 2}} {
		data, err := tlog.ReadTileData(t, reader)
		if err != nil {
			panic(err)
		}
		tiles[fmt.Sprintf("%d/%d/%d", t.L, t.N, t.W)] = base64.StdEncoding.EncodeToString(data)
	}
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i)
	}
	skey, vkey, err := note.GenerateKey(zero{seed}, "ihc.example")
	if err != nil {
		panic(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		panic(err)
	}
	rootBytes, _ := hex.DecodeString(roots[n-1])
	text := fmt.Sprintf("ihc.example\n%d\n%s\n", n, base64.StdEncoding.EncodeToString(rootBytes))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		panic(err)
	}
	out := map[string]interface{}{"roots": roots, "inclusion": inclusion, "consistency": consistency, "tiles": tiles,
		"signer": skey, "verifier": vkey, "checkpoint": string(signed)}
	json.NewEncoder(os.Stdout).Encode(out)
}
