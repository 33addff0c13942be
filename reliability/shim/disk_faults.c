/* Makes the disk under one folder fail, for a program that this is preloaded into.
 *
 * DISK_FAULTS_UNDER   the folder; files elsewhere are left alone.
 * DISK_FAULTS_ORDERS  a file that says what to do now, read at each call:
 *                     "fail-sync"      fsync and fdatasync answer EIO
 *                     "slow-sync MS"   they take so many milliseconds longer
 *                     "full"           writes answer ENOSPC
 *                     anything else    nothing
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static int is_under(int fd) {
    const char *folder = getenv("DISK_FAULTS_UNDER");
    char link[64], path[4096];
    if (folder == NULL) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = '\0';
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* Raw calls: what is intercepted must not be used to look for orders. */
static void read_orders(char *orders, size_t size) {
    orders[0] = '\0';
    const char *path = getenv("DISK_FAULTS_ORDERS");
    if (path == NULL) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t length = syscall(SYS_read, fd, orders, size - 1);
    syscall(SYS_close, fd);
    orders[length > 0 ? length : 0] = '\0';
}

/* Whether a sync has to fail; one that has to be slow is. */
static int sync_fails(int fd) {
    char orders[64];
    if (!is_under(fd)) return 0;
    read_orders(orders, sizeof orders);
    long ms = 0;
    if (sscanf(orders, "slow-sync %ld", &ms) == 1) {
        struct timespec wait = {ms / 1000, (ms % 1000) * 1000000};
        nanosleep(&wait, NULL);
    }
    return strncmp(orders, "fail-sync", 9) == 0;
}

static int is_full(int fd) {
    char orders[64];
    if (!is_under(fd)) return 0;
    read_orders(orders, sizeof orders);
    return strncmp(orders, "full", 4) == 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
    if (sync_fails(fd)) { errno = EIO; return -1; }
    return REAL(fsync)(fd);
}

int fdatasync(int fd) {
    if (sync_fails(fd)) { errno = EIO; return -1; }
    return REAL(fdatasync)(fd);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (is_full(fd)) { errno = ENOSPC; return -1; }
    return REAL(write)(fd, bytes, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    if (is_full(fd)) { errno = ENOSPC; return -1; }
    return REAL(pwrite)(fd, bytes, count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    if (is_full(fd)) { errno = ENOSPC; return -1; }
    return REAL(pwrite64)(fd, bytes, count, at);
}
