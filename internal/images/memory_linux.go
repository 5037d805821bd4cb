package images

import "golang.org/x/sys/unix"

// limitMemory sets how many bytes of private memory this process may write to.
// Beyond, the Go runtime ends it with "out of memory". Files that are mapped
// into memory, such as a database, do not count.
func limitMemory(bytes int64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_DATA, &limit); err != nil {
		return err
	}
	limit.Max = min(limit.Max, uint64(bytes))
	limit.Cur = limit.Max
	return unix.Setrlimit(unix.RLIMIT_DATA, &limit)
}
