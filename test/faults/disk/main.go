// A disk in memory for the fault harness, mounted as a filesystem: `disk <mount point> <capacity in bytes>`. It can lose power, be full
// and be slow; tree.go says what it promises and what it does not.
//
// Each line on standard input is a command, answered by a line on standard output: `ok`, `ok <detail>`, or what went wrong.
//
//	cut [seed]        the power fails: what is not durable is lost, or kept by chance; then the disk is mounted again
//	sync              everything is on disk now, as when nothing happened for long
//	capacity <bytes>  how much space there is
//	free <bytes>      so much space is left, whatever is used
//	delay <ms>        how long a sync takes that has something to do
//
// It unmounts and ends when standard input does.
package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

type disk struct {
	tree    *tree
	dir     string
	delayMs atomic.Int64
	mounted *mounting
	server  *fuse.Server
}

func main() {
	if len(os.Args) != 3 {
		fatal("usage: disk <mount point> <capacity in bytes>")
	}
	capacity, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		fatal(err.Error())
	}
	d := &disk{tree: newTree(capacity, func() int64 { return time.Now().UnixNano() }), dir: os.Args[1]}
	if err := d.mount(); err != nil {
		fatal(err.Error())
	}
	fmt.Println("ok")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		detail, err := d.obey(strings.Fields(lines.Text()))
		if err != nil {
			fmt.Println(err.Error())
			continue
		}
		fmt.Println(strings.TrimSpace("ok " + detail))
	}
	d.unmount()
}

func (d *disk) obey(words []string) (string, error) {
	if len(words) == 0 {
		return "", fmt.Errorf("no command")
	}
	var number int64
	if len(words) > 1 {
		var err error
		if number, err = strconv.ParseInt(words[1], 10, 64); err != nil {
			return "", err
		}
	}
	switch words[0] {
	case "cut":
		var chance *rand.Rand
		if len(words) > 1 {
			chance = rand.New(rand.NewSource(number))
		}
		return d.cut(chance)
	case "sync":
		d.tree.mu.Lock()
		defer d.tree.mu.Unlock()
		d.tree.syncAll()
	case "capacity":
		d.tree.mu.Lock()
		defer d.tree.mu.Unlock()
		d.tree.capacity = number
	case "free":
		d.tree.mu.Lock()
		defer d.tree.mu.Unlock()
		d.tree.capacity = d.tree.used + number
	case "delay":
		d.delayMs.Store(number)
	default:
		return "", fmt.Errorf("there is no command %s", words[0])
	}
	return "", nil
}

// cut says how many changes of names and how many pages were not durable.
func (d *disk) cut(chance *rand.Rand) (string, error) {
	d.tree.mu.Lock()
	d.mounted.off.Store(true)
	detail := fmt.Sprintf("%d %d", len(d.tree.journal), d.tree.unsynced())
	d.tree.cut(chance)
	d.tree.mu.Unlock()
	d.unmount()
	return detail, d.mount()
}

func (d *disk) mount() error {
	d.mounted = &mounting{tree: d.tree, delayMs: &d.delayMs}
	patience := time.Second
	server, err := fs.Mount(d.dir, &node{m: d.mounted, n: d.tree.root}, &fs.Options{
		EntryTimeout:   &patience,
		AttrTimeout:    &patience,
		RootStableAttr: &fs.StableAttr{Ino: d.tree.root.id},
		MountOptions:   fuse.MountOptions{FsName: "faults", Name: "faults", DirectMountStrict: true, MaxWrite: 1 << 20},
	})
	d.server = server
	return err
}

// unmount does not wait for those who still have files open.
func (d *disk) unmount() {
	if syscall.Unmount(d.dir, 0) != nil {
		_ = syscall.Unmount(d.dir, syscall.MNT_DETACH)
	}
}

func fatal(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(1)
}
