// Checks an auditor's bundle with tools handrail's authors did not write: golang.org/x/mod/sumdb.
//
//	verify DIR VKEY [RECEIPT]
//
// DIR is the unpacked bundle, VKEY the log's key from a source other than the bundle. It recomputes every
// leaf and the root from the entries, checks each tile against them, the checkpoint's signature against VKEY,
// and, if given, that RECEIPT's entry is in a tree which the log extends. It ends with 0 if all held, else 1.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

// hashes holds the stored hashes of the whole tree, as tlog numbers them.
type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(h)) {
			return nil, errors.New("a hash outside the tree was asked for")
		}
		list[i] = h[index]
	}
	return list, nil
}

type checkpoint struct {
	origin string
	tree   tlog.Tree
}

func openCheckpoint(data []byte, verifier note.Verifier) (checkpoint, error) {
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return checkpoint{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return checkpoint{}, errors.New("a checkpoint must be three lines, and its origin the key's name")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return checkpoint{}, errors.New("a checkpoint's size is malformed")
	}
	root, err := tlog.ParseHash(lines[2])
	return checkpoint{origin: lines[0], tree: tlog.Tree{N: size, Hash: root}}, err
}

// entriesPath is the path of an entry bundle: as tlog's tile path, with the level named "entries".
func entriesPath(index int64, width int) string {
	tile := tlog.Tile{H: tileHeight, L: -1, N: index, W: width}
	return strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
}

func readEntries(dir string, size int64) ([][]byte, error) {
	var entries [][]byte
	for int64(len(entries)) < size {
		width := size - int64(len(entries))
		if width > 256 {
			width = 256
		}
		data, err := os.ReadFile(filepath.Join(dir, entriesPath(int64(len(entries))/256, int(width))))
		if err != nil {
			return nil, err
		}
		before := int64(len(entries))
		for len(data) >= 2 {
			length := int(binary.BigEndian.Uint16(data))
			if len(data) < 2+length {
				return nil, errors.New("an entry bundle ends in the middle of an entry")
			}
			entries, data = append(entries, data[2:2+length]), data[2+length:]
		}
		if len(data) != 0 || int64(len(entries))-before != width {
			return nil, errors.New("an entry bundle does not hold as many entries as its name says")
		}
	}
	return entries, nil
}

func checkTiles(dir string, size int64, stored hashes) error {
	for _, tile := range tlog.NewTiles(tileHeight, 0, size) {
		// NewTiles also lists every narrower form of a partial tile; the bundle keeps the widest
		if count := size>>uint(tileHeight*tile.L) - tile.N<<tileHeight; tile.W < 256 && int64(tile.W) != count {
			continue
		}
		want, err := tlog.ReadTileData(tile, stored)
		if err != nil {
			return err
		}
		name := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("%s does not hold the hashes of the entries", name)
		}
	}
	return nil
}

func checkReceipt(path string, verifier note.Verifier, tree tlog.Tree, stored hashes) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, signed, found := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" ||
		!strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return errors.New("the receipt is malformed, or holds no entry")
	}
	entry, err := base64.StdEncoding.Strict().DecodeString(lines[1][len("extra "):])
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(lines[2][len("index "):], 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	kept, err := openCheckpoint(signed, verifier)
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(proof, kept.tree.N, kept.tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		return err
	}
	if kept.tree.N > tree.N {
		return errors.New("the log is shorter than when the receipt was given")
	}
	extends, err := tlog.ProveTree(tree.N, kept.tree.N, stored)
	if err != nil {
		return err
	}
	return tlog.CheckTree(extends, tree.N, tree.Hash, kept.tree.N, kept.tree.Hash)
}

func run(arguments []string) error {
	if len(arguments) != 2 && len(arguments) != 3 {
		return errors.New("usage: verify DIR VKEY [RECEIPT]")
	}
	verifier, err := note.NewVerifier(arguments[1])
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(arguments[0], "checkpoint"))
	if err != nil {
		return err
	}
	newest, err := openCheckpoint(data, verifier)
	if err != nil {
		return err
	}
	entries, err := readEntries(arguments[0], newest.tree.N)
	if err != nil {
		return err
	}
	var stored hashes
	for index, entry := range entries {
		added, err := tlog.StoredHashes(int64(index), entry, stored)
		if err != nil {
			return err
		}
		stored = append(stored, added...)
	}
	root, err := tlog.TreeHash(newest.tree.N, stored)
	if err != nil {
		return err
	}
	if root != newest.tree.Hash {
		return errors.New("the entries do not have the root that was signed")
	}
	if err := checkTiles(arguments[0], newest.tree.N, stored); err != nil {
		return err
	}
	if len(arguments) == 3 {
		if err := checkReceipt(arguments[2], verifier, newest.tree, stored); err != nil {
			return err
		}
	}
	fmt.Printf("%s: %d entries, root %s: all held\n", newest.origin, newest.tree.N, root)
	return nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "does not hold:", err)
		os.Exit(1)
	}
}
