/*
 * Goes before libc (LD_PRELOAD) and, for the database files of one directory,
 *   - writes down every change, sync and name in the order in which they happen, and
 *   - lets chosen writes or syncs fail.
 * One lock is held over an operation and its record, so that the order in the trace is the order of the disk.
 * The -shm file can fail, but is not in the trace: it does not outlive a power cut. tests/tests/faults/shim.rs builds this file and knows
 * its variables:
 *
 *   SHIM_DIRECTORY  the watched directory, without links in its path
 *   SHIM_TRACE      where the trace goes; a record is a header (struct header) and `length` bytes
 *   SHIM_ACKS       a file; what is written to it is a record of its own: what the outside world was told
 *   SHIM_OP         what fails: "write" or "sync"
 *   SHIM_FILE       only in files whose name ends so; empty: in all but -shm
 *   SHIM_AT         the k-th of them, counted from 1, fails
 *   SHIM_FOREVER    if set, all that come after it fail too
 *   SHIM_ERRNO      with this error
 *   SHIM_WHILE      a file; only while it is there anything is counted or fails
 *   SHIM_FIRED      a file that gets one byte per failure
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))next(#name))
#define DESCRIPTORS_MAX 65536
#define NAMES_MAX 64

struct header { uint32_t kind, file; uint64_t at, length; };

/* What a descriptor is. From FIRST_FILE on: the number of a watched file; a file made anew has a new number. */
enum { NOTHING, ACKS, DIRECTORY, FIRST_FILE };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t roles[DESCRIPTORS_MAX], next_number = FIRST_FILE;
static struct { char name[128]; uint32_t number; } names[NAMES_MAX];
static int trace = -1, fired = -1, fault_errno, fault_forever;
static const char *directory, *acks, *fault_op, *fault_file, *fault_while;
static long fault_at, counted;

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

__attribute__((constructor)) static void begin(void) {
    int append = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    directory = variable("SHIM_DIRECTORY");
    acks = variable("SHIM_ACKS");
    fault_op = variable("SHIM_OP");
    fault_file = variable("SHIM_FILE");
    fault_while = variable("SHIM_WHILE");
    fault_at = atol(variable("SHIM_AT"));
    fault_errno = atoi(variable("SHIM_ERRNO"));
    fault_forever = *variable("SHIM_FOREVER") != 0;
    if (*variable("SHIM_TRACE")) trace = REAL(int, open64, const char *, int, ...)(variable("SHIM_TRACE"), append, 0600);
    if (*variable("SHIM_FIRED")) fired = REAL(int, open64, const char *, int, ...)(variable("SHIM_FIRED"), append, 0600);
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

static const char *name_of(uint32_t file) {
    for (int slot = 0; slot < NAMES_MAX; slot++)
        if (*names[slot].name && names[slot].number == file) return names[slot].name;
    return "";
}

static void record(char kind, uint32_t file, uint64_t at, const void *bytes, size_t length) {
    int error = errno;
    if (kind != 'F' && ends_with(name_of(file), "-shm")) return;
    struct header header = {(uint32_t)kind, file, at, length};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)bytes, length}};
    if (trace >= 0 && REAL(ssize_t, writev, int, const struct iovec *, int)(trace, parts, 2) != (ssize_t)(sizeof header + length))
        abort();
    errno = error;
}

/* The name of a watched file inside the directory; NULL: the path is not watched. */
static const char *watched(const char *path) {
    size_t length = directory ? strlen(directory) : 0;
    if (!length || strncmp(path, directory, length) || path[length] != '/') return NULL;
    int is_database = ends_with(path, ".db") || ends_with(path, ".db-wal") || ends_with(path, ".db-shm") || ends_with(path, ".db-journal");
    return is_database && strlen(path + length + 1) < sizeof names[0].name ? path + length + 1 : NULL;
}

static int slot_of(const char *name) {
    for (int slot = 0; slot < NAMES_MAX; slot++)
        if (!*names[slot].name || !strcmp(names[slot].name, name)) return slot;
    abort();
}

/* A record of a name says by its place whether the file was there before the trace. */
static uint32_t number_of(const char *name, int is_new) {
    int slot = slot_of(name);
    if (is_new || !names[slot].number) {
        strcpy(names[slot].name, name);
        names[slot].number = next_number++;
        record('C', names[slot].number, !is_new, name, strlen(name));
    }
    return names[slot].number;
}

static uint32_t role_of(int fd) { return fd >= 0 && fd < DESCRIPTORS_MAX ? roles[fd] : NOTHING; }

/* The error with which an operation fails; 0: it is carried out. */
static int fault(const char *op, uint32_t file) {
    if (!fault_at || strcmp(op, fault_op) || (*fault_while && access(fault_while, F_OK))) return 0;
    if (!ends_with(name_of(file), fault_file)) return 0;
    if (!*fault_file && ends_with(name_of(file), "-shm")) return 0;
    counted++;
    if (counted != fault_at && !(fault_forever && counted > fault_at)) return 0;
    record('F', file, 0, "", 0);
    if (fired >= 0 && REAL(ssize_t, write, int, const void *, size_t)(fired, "x", 1) != 1) abort();
    return fault_errno;
}

static int open_and_note(int base, const char *path, int flags, mode_t mode) {
    int (*open_it)(int, const char *, int, ...) = REAL(int, openat64, int, const char *, int, ...);
    const char *name = base == AT_FDCWD || *path == '/' ? watched(path) : NULL;
    uint32_t role = NOTHING;
    if (acks && *acks && !strcmp(path, acks)) role = ACKS;
    if (directory && *directory && !strcmp(path, directory)) role = DIRECTORY;
    if (name) pthread_mutex_lock(&lock);
    int is_new = name && access(path, F_OK) != 0;
    int fd = open_it(base, path, flags, mode);
    if (fd >= 0 && name) role = number_of(name, is_new);
    if (fd >= 0 && fd < DESCRIPTORS_MAX) roles[fd] = role;
    if (name) pthread_mutex_unlock(&lock);
    return fd;
}

#define OPENS(name, base, ...)                                          \
    int name(__VA_ARGS__ const char *path, int flags, ...) {           \
        mode_t mode = 0;                                                \
        if (flags & (O_CREAT | O_TMPFILE)) {                            \
            va_list rest;                                               \
            va_start(rest, flags);                                      \
            mode = va_arg(rest, mode_t);                                \
            va_end(rest);                                               \
        }                                                               \
        return open_and_note(base, path, flags, mode);                  \
    }
#define BASE int base,
OPENS(open, AT_FDCWD)
OPENS(open64, AT_FDCWD)
OPENS(openat, base, BASE)
OPENS(openat64, base, BASE)

int close(int fd) {
    if (role_of(fd) != NOTHING) {
        pthread_mutex_lock(&lock);
        roles[fd] = NOTHING;
        pthread_mutex_unlock(&lock);
    }
    return REAL(int, close, int)(fd);
}

/* Writes at `at`, or where the descriptor stands if that is negative. */
static ssize_t write_and_note(int fd, const struct iovec *parts, int count, off_t at) {
    uint32_t role = role_of(fd);
    ssize_t done = -1;
    pthread_mutex_lock(&lock);
    off_t from = role < FIRST_FILE ? 0 : at >= 0 ? at : lseek(fd, 0, SEEK_CUR);
    int error = role < FIRST_FILE ? 0 : fault("write", role);
    if (error) errno = error;
    else if (at >= 0) done = REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t)(fd, parts, count, at);
    else done = REAL(ssize_t, writev, int, const struct iovec *, int)(fd, parts, count);
    ssize_t left = done;
    for (int part = 0; part < count && left > 0; part++) {
        size_t length = (size_t)left < parts[part].iov_len ? (size_t)left : parts[part].iov_len;
        record(role == ACKS ? 'A' : 'W', role, (uint64_t)from, parts[part].iov_base, length);
        from += (off_t)length;
        left -= (ssize_t)length;
    }
    pthread_mutex_unlock(&lock);
    return done;
}

static int is_noted(int fd) { return role_of(fd) == ACKS || role_of(fd) >= FIRST_FILE; }

ssize_t write(int fd, const void *bytes, size_t length) {
    struct iovec whole = {(void *)bytes, length};
    return is_noted(fd) ? write_and_note(fd, &whole, 1, -1) : REAL(ssize_t, write, int, const void *, size_t)(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    return is_noted(fd) ? write_and_note(fd, parts, count, -1) : REAL(ssize_t, writev, int, const struct iovec *, int)(fd, parts, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    struct iovec whole = {(void *)bytes, length};
    return is_noted(fd) ? write_and_note(fd, &whole, 1, at) : REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t)(fd, bytes, length, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return pwrite64(fd, bytes, length, at); }

int ftruncate64(int fd, off64_t length) {
    int (*truncate_it)(int, off64_t) = REAL(int, ftruncate64, int, off64_t);
    uint32_t role = role_of(fd);
    if (role < FIRST_FILE) return truncate_it(fd, length);
    pthread_mutex_lock(&lock);
    int failed = truncate_it(fd, length);
    if (!failed) record('T', role, (uint64_t)length, "", 0);
    pthread_mutex_unlock(&lock);
    return failed;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int sync_and_note(int fd, const char *function) {
    int (*sync_it)(int) = (int (*)(int))next(function);
    uint32_t role = role_of(fd);
    if (role < DIRECTORY) return sync_it(fd);
    pthread_mutex_lock(&lock);
    int error = fault("sync", role), failed = -1;
    if (error) errno = error;
    else failed = sync_it(fd);
    if (!failed) record(role == DIRECTORY ? 'D' : 'S', role, 0, "", 0);
    pthread_mutex_unlock(&lock);
    return failed;
}

int fsync(int fd) { return sync_and_note(fd, "fsync"); }
int fdatasync(int fd) { return sync_and_note(fd, "fdatasync"); }

int unlink(const char *path) {
    const char *name = watched(path);
    if (!name) return REAL(int, unlink, const char *)(path);
    pthread_mutex_lock(&lock);
    int failed = REAL(int, unlink, const char *)(path);
    if (!failed && !ends_with(name, "-shm")) record('U', 0, 0, name, strlen(name));
    pthread_mutex_unlock(&lock);
    return failed;
}

/* A watched file that gets another name is told as the making of that name for the same file. */
int rename(const char *from, const char *to) {
    const char *old = watched(from), *new = watched(to);
    pthread_mutex_lock(&lock);
    int failed = REAL(int, rename, const char *, const char *)(from, to);
    if (!failed && old && new) {
        uint32_t number = names[slot_of(old)].number;
        int slot = slot_of(new);
        strcpy(names[slot].name, new);
        names[slot].number = number;
        record('C', number, 0, new, strlen(new));
        record('U', 0, 0, old, strlen(old));
    }
    pthread_mutex_unlock(&lock);
    return failed;
}
