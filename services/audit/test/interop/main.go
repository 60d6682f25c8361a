// Verifies an audit log with the libraries of Go's checksum database, which know nothing of Countersign:
// go run . <folder of a tree> <verifier key>...
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// folder reads tiles of a tree as files; the library's own paths begin with the height of tiles, those of C2SP do not.
type folder string

func (dir folder) Height() int { return height }

func (dir folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (dir folder) path(tile tlog.Tile) string {
	return filepath.Join(string(dir), strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1))
}

func (dir folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		bytes, err := os.ReadFile(dir.path(tile))
		if err != nil {
			full := tile
			full.W = 1 << height
			if bytes, err = os.ReadFile(dir.path(full)); err != nil {
				return nil, err
			}
			bytes = bytes[:tile.W*tlog.HashSize]
		}
		data = append(data, bytes)
	}
	return data, nil
}

// entries reads the bundle of some width, or the full one.
func (dir folder) entries(index, width int64) ([][]byte, error) {
	tile := tlog.Tile{H: height, L: -1, N: index, W: int(width)}
	path := strings.Replace(dir.path(tile), "tile/data/", "tile/entries/", 1)
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(bytes) > 0 {
		length := int(binary.BigEndian.Uint16(bytes))
		entries = append(entries, bytes[2:2+length])
		bytes = bytes[2+length:]
	}
	return entries, nil
}

func verify(dir folder, keys []string) (tlog.Tree, int, error) {
	var tree tlog.Tree
	var verifiers []note.Verifier
	for _, key := range keys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return tree, 0, err
		}
		verifiers = append(verifiers, verifier)
	}
	text, err := os.ReadFile(filepath.Join(string(dir), "checkpoint"))
	if err != nil {
		return tree, 0, err
	}
	opened, err := note.Open(text, note.VerifierList(verifiers...))
	if err != nil {
		return tree, 0, err
	}
	// ParseTree wants the checksum database's own first line in place of the origin.
	_, body, _ := strings.Cut(opened.Text, "\n")
	if tree, err = tlog.ParseTree([]byte("go.sum database tree\n" + body)); err != nil {
		return tree, 0, err
	}
	reader := tlog.TileHashReader(tree, dir)
	var stored []tlog.Hash
	rebuilt := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, index := range indexes {
			hashes = append(hashes, stored[index])
		}
		return hashes, nil
	})
	for n := int64(0); n < tree.N; {
		width := min(tree.N-n, 1<<height)
		entries, err := dir.entries(n>>height, width)
		if err != nil {
			return tree, 0, err
		}
		for _, entry := range entries {
			if n%97 == 0 || n == tree.N-1 {
				proof, err := tlog.ProveRecord(tree.N, n, reader)
				if err != nil {
					return tree, 0, err
				}
				if err := tlog.CheckRecord(proof, tree.N, tree.Hash, n, tlog.RecordHash(entry)); err != nil {
					return tree, 0, fmt.Errorf("entry %d: %w", n, err)
				}
			}
			more, err := tlog.StoredHashes(n, entry, rebuilt)
			if err != nil {
				return tree, 0, err
			}
			stored = append(stored, more...)
			n++
		}
	}
	root, err := tlog.TreeHash(tree.N, rebuilt)
	if err != nil || root != tree.Hash {
		return tree, 0, fmt.Errorf("the entries have root %v and not %v (%v)", root, tree.Hash, err)
	}
	kept, err := consistent(dir, tree, reader, verifiers)
	return tree, kept, err
}

// consistent checks that each kept checkpoint is the beginning of the tree.
func consistent(dir folder, tree tlog.Tree, reader tlog.HashReader, verifiers []note.Verifier) (int, error) {
	paths, _ := filepath.Glob(filepath.Join(string(dir), "checkpoints", "*"))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		opened, err := note.Open(text, note.VerifierList(verifiers...))
		if err != nil {
			return 0, err
		}
		_, body, _ := strings.Cut(opened.Text, "\n")
		older, err := tlog.ParseTree([]byte("go.sum database tree\n" + body))
		if err != nil {
			return 0, err
		}
		proof, err := tlog.ProveTree(tree.N, older.N, reader)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
	}
	return len(paths), nil
}

func main() {
	tree, kept, err := verify(folder(os.Args[1]), os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d entries, root %v, %d checkpoints kept\n", tree.N, tree.Hash, kept)
}
