package main

import (
	"math/rand"
	"sync"
	"syscall"
)

// The unit in which data reaches the disk, and in which space is counted.
const pageSize = 4096

// What a file or folder is, for those who use it now and after a power failure.
type inode struct {
	id   uint64
	mode uint32
	// Of a folder: its names now, and as the journal on disk has them.
	names, durableNames map[string]*inode
	// Of a file: its bytes now, and as they are on disk.
	data, durable []byte
	// Pages written since the file was last synced.
	dirty map[int64]bool
	mtime int64
	// It has no name any more: who has it open may go on, and its space counts as free.
	gone bool
}

func (n *inode) isDir() bool { return n.names != nil }

// A change of names or sizes that the journal has not committed yet.
type operation struct {
	apply   func()
	touched []*inode
}

// tree is a disk. Its model is ext4 with an ordered journal and delayed allocation, and where that leaves a choice, the worse one:
//
//   - What is written is in memory until the file itself is synced (fsync, fdatasync, a write through O_SYNC or O_DSYNC). Then its
//     data is durable, page by page, and with it its size.
//   - Changes of names (create, mkdir, rename, unlink, rmdir) and truncations go through a journal, which is committed as a whole and
//     in order by the next sync that has something to make durable: of a file with unsynced data, or of a file or folder that a change
//     not yet committed has touched. A sync with nothing to do commits nothing. Nothing else commits: ext4's own commit every few
//     seconds never comes in time.
//   - A file that was created and not synced is there after the failure, if the journal was committed, and is empty. A rename over
//     another file does not bring the data of the new one to disk (ext4 mounted with noauto_da_alloc).
//   - After cut(nil) all that was not durable is gone. After cut(random) it is kept or lost by chance, as when the kernel was writing
//     back: of the journal some first part, of the data any pages; what a page that was lost should have held reads as zeros.
//
// Owners and permissions are not kept: everything belongs to whoever mounts.
type tree struct {
	mu      sync.Mutex
	root    *inode
	lastID  uint64
	journal []operation
	// Bytes that files may have in all.
	capacity, used int64
	now            func() int64
}

func newTree(capacity int64, now func() int64) *tree {
	t := &tree{capacity: capacity, now: now}
	t.root = t.newInode(0o700, true)
	return t
}

func (t *tree) newInode(mode uint32, dir bool) *inode {
	t.lastID++
	n := &inode{id: t.lastID, mode: mode & 0o7777, mtime: t.now()}
	if dir {
		n.mode |= syscall.S_IFDIR
		n.names, n.durableNames = map[string]*inode{}, map[string]*inode{}
	} else {
		n.mode |= syscall.S_IFREG
		n.dirty = map[int64]bool{}
	}
	return n
}

func (t *tree) log(apply func(), touched ...*inode) {
	t.journal = append(t.journal, operation{apply, touched})
}

func (t *tree) create(parent *inode, name string, mode uint32, dir bool) (*inode, syscall.Errno) {
	if parent.names[name] != nil {
		return nil, syscall.EEXIST
	}
	if t.used >= t.capacity {
		return nil, syscall.ENOSPC
	}
	n := t.newInode(mode, dir)
	parent.names[name] = n
	t.log(func() { parent.durableNames[name] = n }, parent, n)
	return n, 0
}

func (t *tree) remove(parent *inode, name string, dir bool) syscall.Errno {
	n := parent.names[name]
	switch {
	case n == nil:
		return syscall.ENOENT
	case n.isDir() && !dir:
		return syscall.EISDIR
	case !n.isDir() && dir:
		return syscall.ENOTDIR
	case len(n.names) > 0:
		return syscall.ENOTEMPTY
	}
	delete(parent.names, name)
	t.drop(n)
	t.log(func() { delete(parent.durableNames, name) }, parent, n)
	return 0
}

func (t *tree) drop(n *inode) {
	n.gone = true
	t.used -= spaceOf(int64(len(n.data)))
}

func (t *tree) rename(from *inode, name string, to *inode, newName string) syscall.Errno {
	n := from.names[name]
	if n == nil {
		return syscall.ENOENT
	}
	if over := to.names[newName]; over == n {
		return 0
	} else if over != nil {
		if len(over.names) > 0 {
			return syscall.ENOTEMPTY
		}
		t.drop(over)
	}
	delete(from.names, name)
	to.names[newName] = n
	t.log(func() {
		delete(from.durableNames, name)
		to.durableNames[newName] = n
	}, from, to, n)
	return 0
}

// write takes as much as there is space for, and refuses when that is nothing.
func (t *tree) write(n *inode, data []byte, off int64) (int, syscall.Errno) {
	end := off + int64(len(data))
	if grown := end - int64(len(n.data)); grown > 0 {
		more := spaceOf(end) - spaceOf(int64(len(n.data)))
		if free := max(0, t.capacity-t.used); more > free {
			end = (spaceOf(int64(len(n.data))) + free) / pageSize * pageSize
			if end <= off {
				return 0, syscall.ENOSPC
			}
			data = data[:end-off]
		}
		t.resize(n, end)
	}
	copy(n.data[off:], data)
	for page := off / pageSize; page*pageSize < end; page++ {
		n.dirty[page] = true
	}
	n.mtime = t.now()
	return len(data), 0
}

func (t *tree) truncate(n *inode, size int64) syscall.Errno {
	if more := spaceOf(size) - spaceOf(int64(len(n.data))); more > 0 && t.used+more > t.capacity {
		return syscall.ENOSPC
	}
	t.resize(n, size)
	for page := range n.dirty {
		if page*pageSize >= size {
			delete(n.dirty, page)
		}
	}
	n.mtime = t.now()
	t.log(func() { n.durable = resized(n.durable, size) }, n)
	return 0
}

func (t *tree) resize(n *inode, size int64) {
	if !n.gone {
		t.used += spaceOf(size) - spaceOf(int64(len(n.data)))
	}
	n.data = resized(n.data, size)
}

// sync makes durable what one file or folder needs, as fsync does; false when there was nothing to do.
func (t *tree) sync(n *inode) bool {
	pending := len(n.dirty) > 0
	for _, op := range t.journal {
		for _, touched := range op.touched {
			pending = pending || touched == n
		}
	}
	if !pending {
		return false
	}
	t.commit(len(t.journal))
	n.persistAll()
	return true
}

// syncAll makes everything durable.
func (t *tree) syncAll() {
	t.commit(len(t.journal))
	t.root.persistAll()
}

// persistAll brings the data of a file, or of all files of a folder, to disk.
func (n *inode) persistAll() {
	for page := range n.dirty {
		n.persist(page)
	}
	clear(n.dirty)
	for _, child := range n.names {
		child.persistAll()
	}
}

func (t *tree) commit(count int) {
	for _, op := range t.journal[:count] {
		op.apply()
	}
	t.journal = nil
}

// persist brings one page to disk, and the size with it.
func (n *inode) persist(page int64) {
	from := page * pageSize
	to := min(from+pageSize, int64(len(n.data)))
	if from >= to {
		return
	}
	if int64(len(n.durable)) < to {
		n.durable = resized(n.durable, to)
	}
	copy(n.durable[from:to], n.data[from:to])
}

// cut ends the power: what was not durable is gone, or, with a source of chance, kept in part. The tree is then as it is found when
// the disk is mounted again.
func (t *tree) cut(chance *rand.Rand) {
	if chance != nil {
		t.commit(chance.Intn(len(t.journal) + 1))
	}
	t.journal = nil
	t.used = 0
	t.restore(t.root, chance)
}

func (t *tree) restore(n *inode, chance *rand.Rand) {
	if !n.isDir() {
		if chance != nil {
			for page := range n.dirty {
				if chance.Intn(2) == 0 {
					n.persist(page)
				}
			}
		}
		n.data = append([]byte(nil), n.durable...)
		clear(n.dirty)
		n.gone = false
		t.used += spaceOf(int64(len(n.data)))
		return
	}
	n.names = map[string]*inode{}
	for name, child := range n.durableNames {
		n.names[name] = child
		t.restore(child, chance)
	}
}

func spaceOf(size int64) int64 { return (size + pageSize - 1) / pageSize * pageSize }

// resized has the wanted length; bytes that are new are zero.
func resized(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		clear(data[size:])
		return data[:size]
	}
	if size <= int64(cap(data)) {
		return data[:size]
	}
	more := make([]byte, size, size+size/2+pageSize)
	copy(more, data)
	return more
}

// unsynced counts the pages that a power failure would take now.
func (t *tree) unsynced() int { return unsyncedOf(t.root) }

func unsyncedOf(n *inode) int {
	count := len(n.dirty)
	for _, child := range n.names {
		count += unsyncedOf(child)
	}
	return count
}
