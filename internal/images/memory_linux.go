package images

import "golang.org/x/sys/unix"

// limitMemory sets how many bytes of private memory this process may write to.
// Beyond, the Go runtime ends it with "out of memory". Files that are mapped
// into memory, such as a database, do not count.
func limitMemory(bytes int64) error {
	limit := unix.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)}
	return unix.Setrlimit(unix.RLIMIT_DATA, &limit)
}
