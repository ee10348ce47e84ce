/* A faulty disk for one process, preloaded by the tests of faults (LD_PRELOAD); no part of the daemon.
 *
 * It stands between the program and the C library for calls on files below one folder: counts them, and makes one of them
 * fail, write less, be late, or kill the process; keeps a byte budget as a small disk would; delays every sync; and
 * notes what was written, synced and sent, in order. What it is to do and what it has seen is one shared page of numbers
 * (enum slot; faults/shim.rs reads and writes the same), so that the harness can look and change its mind at any time, and
 * the figures outlive a kill.
 *
 * Environment: CREDITD_SHIM_FOLDER (absolute), CREDITD_SHIM_PAGE (a file of 4096 bytes), CREDITD_SHIM_TRACE (a file, or
 * unset). The real calls are made as system calls, so that nothing here depends on the order in which libraries load. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum slot { SEEN, FAIL_AT, KIND, FIRED, TIMES, SYNC_DELAY_US, LIMIT, USED, DELAY_US, ONLY, PLACE, COUNTS = 16 };
enum kind { NONE, EIO_, ENOSPC_, SHORT, DELAY, KILL, TORN, SWALLOW, EMFILE_ };
enum call { OPEN = 1, WRITE, SYNC, RENAME, TRUNCATE, RANGE, ALLOCATE, UNLINK };
enum place { ELSEWHERE, JOURNAL_LOG, JOURNAL_FOLDER };
enum event { WROTE = 1, SYNCED, SENT, OPENED, CLOSED };

#define FILES_MAX 65536
#define SLOT(number) (page[number])

static volatile uint64_t *page;
static char folder[PATH_MAX];
static size_t folder_len;
static int trace = -1;
static uint64_t sequence;
static uint32_t files_opened;
static struct { uint32_t file; enum place place; uint64_t written; } files[FILES_MAX];

__attribute__((constructor)) static void begin(void) {
    const char *below = getenv("CREDITD_SHIM_FOLDER"), *path = getenv("CREDITD_SHIM_PAGE");
    if (!below || !path) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) return;
    strncpy(folder, below, sizeof folder - 1);
    folder_len = strlen(folder);
    const char *events = getenv("CREDITD_SHIM_TRACE");
    if (events) trace = (int)syscall(SYS_openat, AT_FDCWD, events, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    page = mapped;
}

static int is_ours(const char *path) {
    return page && path && !strncmp(path, folder, folder_len) && (path[folder_len] == '/' || !path[folder_len]);
}

/* Where a path of ours is: what the journal says is durable rests on its logs and on the folder that names them. */
static enum place place_of(const char *path) {
    static const char journal[] = "/journal";
    const char *below = path + folder_len, *rest = below + sizeof journal - 1;
    if (strncmp(below, journal, sizeof journal - 1)) return ELSEWHERE;
    if (!rest[strspn(rest, "/")]) return JOURNAL_FOLDER;
    size_t length = strlen(rest);
    return *rest == '/' && length > 4 && !strcmp(rest + length - 4, ".log") ? JOURNAL_LOG : ELSEWHERE;
}

static int is_open(int fd) { return page && fd >= 0 && fd < FILES_MAX && files[fd].file; }

/* An entry of the trace: kind, length, sequence, file, number; then so many bytes. Its place in the order is taken before
 * the call that it tells of (sends) or after it (all others). */
static void note(uint64_t at, enum event event, uint64_t file, uint64_t number, const struct iovec *parts, int count,
                 size_t length) {
    if (trace < 0) return;
    struct { uint32_t event, length; uint64_t at, file, number; } head = { event, (uint32_t)length, at, file, number };
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    syscall(SYS_write, trace, &head, sizeof head);
    for (int part = 0; part < count && length; part++) {
        size_t some = parts[part].iov_len < length ? parts[part].iov_len : length;
        syscall(SYS_write, trace, parts[part].iov_base, some);
        length -= some;
    }
    pthread_mutex_unlock(&lock);
}

static uint64_t next(void) { return __atomic_add_fetch(&sequence, 1, __ATOMIC_SEQ_CST); }

static void sleep_us(uint64_t us) {
    struct timespec time = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };
    while (nanosleep(&time, &time) && errno == EINTR) {}
}

/* Counts a call and says what is to become of it; errno is set where it is to fail. */
static enum kind count_at(enum call call, enum place place) {
    __atomic_add_fetch(&SLOT(COUNTS + call), 1, __ATOMIC_SEQ_CST);
    enum kind kind = (enum kind)SLOT(KIND);
    if ((kind == SHORT || kind == TORN) && call != WRITE) return NONE;
    if (SLOT(ONLY) && SLOT(ONLY) != (uint64_t)call) return NONE;
    uint64_t number = __atomic_add_fetch(&SLOT(SEEN), 1, __ATOMIC_SEQ_CST), first = SLOT(FAIL_AT);
    if (!first || number < first || number >= first + SLOT(TIMES)) return NONE;
    SLOT(PLACE) = place;
    SLOT(FIRED) = call;
    if (kind == KILL) syscall(SYS_kill, getpid(), SIGKILL);
    if (kind == DELAY) sleep_us(SLOT(DELAY_US));
    if (kind == EIO_) errno = EIO;
    if (kind == ENOSPC_) errno = ENOSPC;
    if (kind == EMFILE_) errno = EMFILE;
    return kind;
}

static enum kind count(enum call call) { return count_at(call, ELSEWHERE); }

static int fails(enum kind kind) { return kind == EIO_ || kind == ENOSPC_ || kind == EMFILE_; }

/* Bytes that a file may grow by so as to reach `end`: what the budget has left; it is taken. */
static uint64_t take(int fd, uint64_t end, uint64_t *taken) {
    struct stat is;
    *taken = 0;
    if (!SLOT(LIMIT) || fstat(fd, &is) || end <= (uint64_t)is.st_size) return end;
    uint64_t wanted = end - (uint64_t)is.st_size;
    for (;;) {
        uint64_t used = SLOT(USED), limit = SLOT(LIMIT);
        uint64_t left = used < limit ? limit - used : 0, some = wanted < left ? wanted : left;
        if (!__atomic_compare_exchange_n(&SLOT(USED), &used, used + some, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
        *taken = some;
        return (uint64_t)is.st_size + some;
    }
}

static void give(uint64_t bytes) {
    if (page && SLOT(LIMIT)) __atomic_sub_fetch(&SLOT(USED), bytes, __ATOMIC_SEQ_CST);
}

static uint64_t size_of(const char *path) {
    struct stat is;
    return stat(path, &is) || is.st_nlink != 1 ? 0 : (uint64_t)is.st_size;
}

static ssize_t write_at(int fd, const void *bytes, size_t length, int64_t at) {
    if (at < 0) return syscall(SYS_write, fd, bytes, length);
    return syscall(SYS_pwrite64, fd, bytes, length, at);
}

static ssize_t do_write(int fd, const void *bytes, size_t length, int64_t at) {
    if (!is_open(fd)) return write_at(fd, bytes, length, at);
    enum kind kind = count_at(WRITE, files[fd].place);
    if (fails(kind)) return -1;
    if ((kind == SHORT || kind == TORN) && length > 1) length /= 2;
    uint64_t begins = at < 0 ? (uint64_t)lseek(fd, 0, SEEK_CUR) : (uint64_t)at, taken;
    uint64_t end = take(fd, begins + length, &taken);
    if (end <= begins) { errno = ENOSPC; return -1; }
    if (end < begins + length) length = end - begins;
    ssize_t written = write_at(fd, bytes, length, at);
    if (written < 0) give(taken);
    if (kind == TORN) syscall(SYS_kill, getpid(), SIGKILL);
    if (written > 0 && begins + written > files[fd].written) files[fd].written = begins + (uint64_t)written;
    note(next(), WROTE, files[fd].file, files[fd].written, NULL, 0, 0);
    return written;
}

static int do_open(int at, const char *path, int flags, mode_t mode) {
    int ours = is_ours(path);
    uint64_t truncated = ours && (flags & O_TRUNC) ? size_of(path) : 0;
    if (ours && fails(count(OPEN))) return -1;
    int fd = (int)syscall(SYS_openat, at, path, flags | O_LARGEFILE, mode);
    if (fd < 0 || fd >= FILES_MAX || !page) return fd;
    files[fd].file = 0;
    if (!ours) return fd;
    give(truncated);
    files[fd].written = 0;
    files[fd].place = place_of(path);
    files[fd].file = __atomic_add_fetch(&files_opened, 1, __ATOMIC_SEQ_CST);
    struct iovec name = { (void *)path, strlen(path) };
    note(next(), OPENED, files[fd].file, (uint64_t)flags, &name, 1, name.iov_len);
    return fd;
}

static int do_sync(int fd, long number) {
    if (!is_open(fd)) return (int)syscall(number, fd);
    uint64_t written = files[fd].written;
    enum kind kind = count_at(SYNC, files[fd].place);
    if (fails(kind)) return -1;
    if (kind == SWALLOW) return 0;
    if (SLOT(SYNC_DELAY_US)) sleep_us(SLOT(SYNC_DELAY_US));
    int result = (int)syscall(number, fd);
    if (!result) note(next(), SYNCED, files[fd].file, written, NULL, 0, 0);
    return result;
}

static mode_t mode_of(int flags, va_list rest) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; }

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        va_list rest; va_start(rest, flags); \
        mode_t mode = mode_of(flags, rest); va_end(rest); \
        return do_open(AT_FDCWD, path, flags, mode); }
#define OPENS_AT(name) \
    int name(int at, const char *path, int flags, ...) { \
        va_list rest; va_start(rest, flags); \
        mode_t mode = mode_of(flags, rest); va_end(rest); \
        return do_open(at, path, flags, mode); }
OPENS(open) OPENS(open64) OPENS_AT(openat) OPENS_AT(openat64)

int close(int fd) {
    if (fd >= 0 && fd < FILES_MAX) files[fd].file = 0;
    if (trace >= 0) note(next(), CLOSED, (uint64_t)fd, 0, NULL, 0, 0);
    return (int)syscall(SYS_close, fd);
}

int fclose(FILE *file) {
    static int (*real)(FILE *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "fclose");
    int fd = fileno(file);
    if (fd >= 0 && fd < FILES_MAX) files[fd].file = 0;
    return real(file);
}

ssize_t write(int fd, const void *bytes, size_t length) { return do_write(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return do_write(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return do_write(fd, bytes, length, at); }

ssize_t writev(int fd, const struct iovec *parts, int number) {
    if (is_open(fd)) return number ? do_write(fd, parts[0].iov_base, parts[0].iov_len, -1) : 0;
    uint64_t at = next();
    ssize_t written = syscall(SYS_writev, fd, parts, number);
    if (written > 0) note(at, SENT, (uint64_t)fd, 0, parts, number, (size_t)written);
    return written;
}

ssize_t sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t to_length) {
    uint64_t at = next();
    ssize_t sent = syscall(SYS_sendto, fd, bytes, length, flags, to, to_length);
    struct iovec all = { (void *)bytes, length };
    if (sent > 0) note(at, SENT, (uint64_t)fd, 0, &all, 1, (size_t)sent);
    return sent;
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) { return sendto(fd, bytes, length, flags, NULL, 0); }

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    uint64_t at = next();
    ssize_t sent = syscall(SYS_sendmsg, fd, message, flags);
    if (sent > 0) note(at, SENT, (uint64_t)fd, 0, message->msg_iov, (int)message->msg_iovlen, (size_t)sent);
    return sent;
}

int fsync(int fd) { return do_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return do_sync(fd, SYS_fdatasync); }

int sync_file_range(int fd, off64_t from, off64_t length, unsigned int flags) {
    if (is_open(fd) && fails(count(RANGE))) return -1;
    return (int)syscall(SYS_sync_file_range, fd, from, length, flags);
}

static int do_truncate(int fd, off64_t length) {
    struct stat is;
    if (is_open(fd)) {
        if (fails(count(TRUNCATE))) return -1;
        if (!fstat(fd, &is) && is.st_size > length) give((uint64_t)(is.st_size - length));
    }
    return (int)syscall(SYS_ftruncate, fd, length);
}
int ftruncate(int fd, off_t length) { return do_truncate(fd, length); }
int ftruncate64(int fd, off64_t length) { return do_truncate(fd, length); }

static int do_allocate(int fd, int mode, off64_t at, off64_t length) {
    if (is_open(fd) && fails(count(ALLOCATE))) return -1;
    return (int)syscall(SYS_fallocate, fd, mode, at, length);
}
int fallocate(int fd, int mode, off_t at, off_t length) { return do_allocate(fd, mode, at, length); }
int fallocate64(int fd, int mode, off64_t at, off64_t length) { return do_allocate(fd, mode, at, length); }

static int do_rename(int from_at, const char *from, int to_at, const char *to, unsigned int flags) {
    uint64_t replaced = is_ours(to) ? size_of(to) : 0;
    if ((is_ours(from) || is_ours(to)) && fails(count(RENAME))) return -1;
    int result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (!result) give(replaced);
    return result;
}
int rename(const char *from, const char *to) { return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int at, const char *from, int to_at, const char *to) { return do_rename(at, from, to_at, to, 0); }

int unlink(const char *path) {
    uint64_t size = is_ours(path) ? size_of(path) : 0;
    if (is_ours(path) && fails(count(UNLINK))) return -1;
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (!result) give(size);
    return result;
}

static int do_space(const char *path, struct statvfs *space) {
    struct statfs is;
    if (syscall(SYS_statfs, path, &is)) return -1;
    memset(space, 0, sizeof *space);
    space->f_bsize = (unsigned long)is.f_bsize;
    space->f_frsize = (unsigned long)(is.f_frsize ? is.f_frsize : is.f_bsize);
    space->f_blocks = is.f_blocks;
    space->f_bfree = is.f_bfree;
    space->f_bavail = is.f_bavail;
    space->f_namemax = (unsigned long)is.f_namelen;
    if (is_ours(path) && SLOT(LIMIT)) {
        uint64_t used = SLOT(USED), limit = SLOT(LIMIT);
        space->f_frsize = 1;
        space->f_bfree = space->f_bavail = used < limit ? limit - used : 0;
    }
    return 0;
}
int statvfs(const char *path, struct statvfs *space) { return do_space(path, space); }
int statvfs64(const char *path, struct statvfs64 *space) { return do_space(path, (struct statvfs *)space); }
