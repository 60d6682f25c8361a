package main

import (
	"context"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// What one mounting of a disk shares: after the power was cut, whoever still has files of it open gets errors.
type mounting struct {
	*tree
	off     atomic.Bool
	delayMs *atomic.Int64
}

// A file or folder as the kernel sees it.
type node struct {
	fs.Inode
	m *mounting
	n *inode
}

var (
	_ fs.NodeLookuper  = (*node)(nil)
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeSetattrer = (*node)(nil)
	_ fs.NodeReaddirer = (*node)(nil)
	_ fs.NodeCreater   = (*node)(nil)
	_ fs.NodeMkdirer   = (*node)(nil)
	_ fs.NodeUnlinker  = (*node)(nil)
	_ fs.NodeRmdirer   = (*node)(nil)
	_ fs.NodeRenamer   = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeReader    = (*node)(nil)
	_ fs.NodeWriter    = (*node)(nil)
	_ fs.NodeFsyncer   = (*node)(nil)
	_ fs.NodeStatfser  = (*node)(nil)
)

// An open file.
type handle struct{ syncEach bool }

func handleOf(flags uint32) *handle {
	return &handle{syncEach: flags&(syscall.O_SYNC|syscall.O_DSYNC) != 0}
}

// enter takes the lock of the tree; the caller gives it back.
func (x *node) enter() syscall.Errno {
	x.m.mu.Lock()
	if x.m.off.Load() {
		x.m.mu.Unlock()
		return syscall.EIO
	}
	return 0
}

func (x *node) describe(n *inode, out *fuse.Attr) {
	out.Ino, out.Mode, out.Nlink = n.id, n.mode, 1
	out.Size, out.Blocks, out.Blksize = uint64(len(n.data)), uint64(spaceOf(int64(len(n.data)))/512), pageSize
	out.Uid, out.Gid = uint32(os.Getuid()), uint32(os.Getgid())
	at := time.Unix(0, n.mtime)
	out.SetTimes(&at, &at, &at)
}

func (x *node) child(ctx context.Context, n *inode, out *fuse.EntryOut) *fs.Inode {
	x.describe(n, &out.Attr)
	return x.NewInode(ctx, &node{m: x.m, n: n}, fs.StableAttr{Mode: n.mode & syscall.S_IFMT, Ino: n.id})
}

func (x *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := x.enter(); errno != 0 {
		return nil, errno
	}
	defer x.m.mu.Unlock()
	n := x.n.names[name]
	if n == nil {
		return nil, syscall.ENOENT
	}
	return x.child(ctx, n, out), 0
}

func (x *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if errno := x.enter(); errno != 0 {
		return errno
	}
	defer x.m.mu.Unlock()
	x.describe(x.n, &out.Attr)
	return 0
}

func (x *node) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if errno := x.enter(); errno != 0 {
		return errno
	}
	defer x.m.mu.Unlock()
	if mode, ok := in.GetMode(); ok {
		x.n.mode = x.n.mode&syscall.S_IFMT | mode&0o7777
	}
	if size, ok := in.GetSize(); ok {
		if errno := x.m.truncate(x.n, int64(size)); errno != 0 {
			return errno
		}
	}
	x.describe(x.n, &out.Attr)
	return 0
}

func (x *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	if errno := x.enter(); errno != 0 {
		return nil, errno
	}
	defer x.m.mu.Unlock()
	var entries []fuse.DirEntry
	for name, n := range x.n.names {
		entries = append(entries, fuse.DirEntry{Name: name, Ino: n.id, Mode: n.mode & syscall.S_IFMT})
	}
	return fs.NewListDirStream(entries), 0
}

func (x *node) Create(ctx context.Context, name string, flags uint32, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := x.enter(); errno != 0 {
		return nil, nil, 0, errno
	}
	defer x.m.mu.Unlock()
	n, errno := x.m.create(x.n, name, mode, false)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	return x.child(ctx, n, out), handleOf(flags), 0, 0
}

func (x *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := x.enter(); errno != 0 {
		return nil, errno
	}
	defer x.m.mu.Unlock()
	n, errno := x.m.create(x.n, name, mode, true)
	if errno != 0 {
		return nil, errno
	}
	return x.child(ctx, n, out), 0
}

func (x *node) Unlink(_ context.Context, name string) syscall.Errno { return x.remove(name, false) }

func (x *node) Rmdir(_ context.Context, name string) syscall.Errno { return x.remove(name, true) }

func (x *node) remove(name string, dir bool) syscall.Errno {
	if errno := x.enter(); errno != 0 {
		return errno
	}
	defer x.m.mu.Unlock()
	return x.m.remove(x.n, name, dir)
}

func (x *node) Rename(_ context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if flags != 0 {
		return syscall.EINVAL
	}
	if errno := x.enter(); errno != 0 {
		return errno
	}
	defer x.m.mu.Unlock()
	return x.m.rename(x.n, name, parent.(*node).n, newName)
}

func (x *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if errno := x.enter(); errno != 0 {
		return nil, 0, errno
	}
	defer x.m.mu.Unlock()
	if flags&syscall.O_TRUNC != 0 {
		if errno := x.m.truncate(x.n, 0); errno != 0 {
			return nil, 0, errno
		}
	}
	return handleOf(flags), 0, 0
}

func (x *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if errno := x.enter(); errno != 0 {
		return nil, errno
	}
	defer x.m.mu.Unlock()
	read := 0
	if off < int64(len(x.n.data)) {
		read = copy(dest, x.n.data[off:])
	}
	return fuse.ReadResultData(dest[:read]), 0
}

func (x *node) Write(ctx context.Context, f fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	if errno := x.enter(); errno != 0 {
		return 0, errno
	}
	written, errno := x.m.write(x.n, data, off)
	x.m.mu.Unlock()
	if open, ok := f.(*handle); errno == 0 && ok && open.syncEach {
		errno = x.Fsync(ctx, f, 0)
	}
	return uint32(written), errno
}

func (x *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	if errno := x.enter(); errno != 0 {
		return errno
	}
	worked := x.m.sync(x.n)
	x.m.mu.Unlock()
	if worked {
		time.Sleep(time.Duration(x.m.delayMs.Load()) * time.Millisecond)
	}
	return 0
}

func (x *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	x.m.mu.Lock()
	defer x.m.mu.Unlock()
	free := uint64(max(0, x.m.capacity-x.m.used)) / pageSize
	out.Bsize, out.Frsize, out.NameLen = pageSize, pageSize, 255
	out.Blocks, out.Bfree, out.Bavail = uint64(x.m.capacity)/pageSize, free, free
	out.Files, out.Ffree = 1<<20, 1<<20
	return 0
}
