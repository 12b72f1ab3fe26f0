/*
 * Stands between SQLite and the C library, loaded with LD_PRELOAD, for files named posthorn.db,
 * posthorn.db-wal and posthorn.db-journal. It makes writes and syncs fail on command (DISK_CONTROL, see disk-shim.ts), and
 * records what is written, synced and acknowledged, in one order (DISK_LOG, see disk-log.ts).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LOG_FILE = 1, DATA_FILE = 2, JOURNAL_FILE = 4, FOLDER = 8 };
enum { OP_WRITE = 1, OP_SYNC = 2 };
enum { KIND_WRITE = 1, KIND_SYNC, KIND_TRUNCATE, KIND_UNLINK, KIND_ACKNOWLEDGED, KIND_FAILED };

struct control {
  int32_t operations;   /* OP_… that fail, or 0 */
  int32_t files;        /* …_FILE that they fail for */
  int32_t error;        /* errno */
  int32_t pass;         /* how many succeed before */
  int32_t fail;         /* how many fail then; below 0: all */
  int32_t failed;       /* how many have failed */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct control *control;
static int log_fd = -1;
static const char *folder;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate64)(int, off64_t);
static int (*real_unlink)(const char *);

__attribute__((constructor)) static void start(void) {
  real_write = dlsym(RTLD_NEXT, "write");
  real_writev = dlsym(RTLD_NEXT, "writev");
  real_pwrite64 = dlsym(RTLD_NEXT, "pwrite64");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  real_ftruncate64 = dlsym(RTLD_NEXT, "ftruncate64");
  real_unlink = dlsym(RTLD_NEXT, "unlink");
  const char *path = getenv("DISK_CONTROL");
  if (path != NULL) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *found = fd < 0 ? MAP_FAILED
                         : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (found == MAP_FAILED) abort();
    control = found;
    close(fd);
  }
  folder = getenv("DISK_FOLDER");
  path = getenv("DISK_LOG");
  if (path != NULL) log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int file_of_path(const char *path) {
  size_t length = strlen(path);
  const struct { const char *name; int file; } known[] = {
    {"/posthorn.db-wal", LOG_FILE},
    {"/posthorn.db", DATA_FILE},
    {"/posthorn.db-journal", JOURNAL_FILE},
  };
  for (int i = 0; i < 3; i++) {
    size_t tail = strlen(known[i].name);
    if (length >= tail && strcmp(path + length - tail, known[i].name) == 0) return known[i].file;
  }
  return folder != NULL && strcmp(path, folder) == 0 ? FOLDER : 0;
}

static int file_of(int fd) {
  char name[64], path[4096];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(name, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return file_of_path(path);
}

static void record(uint32_t kind, uint32_t file, uint64_t offset, const void *bytes, uint64_t length) {
  if (log_fd < 0) return;
  struct { uint32_t kind, file; uint64_t offset, length; } head = {kind, file, offset, length};
  struct iovec parts[] = {{&head, sizeof head}, {(void *)bytes, length}};
  int saved = errno;
  pthread_mutex_lock(&lock);
  if (real_writev(log_fd, parts, length > 0 ? 2 : 1) != (ssize_t)(sizeof head + length)) abort();
  pthread_mutex_unlock(&lock);
  errno = saved;
}

static int fails(int operation, int file) {
  if (control == NULL || !(control->operations & operation) || !(control->files & file)) return 0;
  int answer = 0;
  pthread_mutex_lock(&lock);
  if (control->pass > 0) control->pass--;
  else if (control->fail != 0) {
    if (control->fail > 0) control->fail--;
    control->failed++;
    answer = 1;
  }
  pthread_mutex_unlock(&lock);
  if (answer) {
    record(KIND_FAILED, file, operation, NULL, 0);
    errno = control->error;
  }
  return answer;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  int file = file_of(fd);
  if (file == 0) return real_pwrite64(fd, bytes, length, offset);
  if (fails(OP_WRITE, file)) return -1;
  record(KIND_WRITE, file, offset, bytes, length);
  return real_pwrite64(fd, bytes, length, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return pwrite64(fd, bytes, length, offset);
}

static int synced(int fd, int (*sync)(int)) {
  int file = file_of(fd);
  if (file == 0) return sync(fd);
  if (fails(OP_SYNC, file)) return -1;
  int answer = sync(fd);
  /* After it has returned: what is acknowledged later in the record was synced before. */
  if (answer == 0) record(KIND_SYNC, file, 0, NULL, 0);
  return answer;
}

int fsync(int fd) { return synced(fd, real_fsync); }
int fdatasync(int fd) { return synced(fd, real_fdatasync); }

int ftruncate64(int fd, off64_t length) {
  int file = file_of(fd);
  if (file != 0) record(KIND_TRUNCATE, file, length, NULL, 0);
  return real_ftruncate64(fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int unlink(const char *path) {
  int file = file_of_path(path);
  if (file != 0) record(KIND_UNLINK, file, 0, NULL, 0);
  return real_unlink(path);
}

static void acknowledge(const struct iovec *parts, int count) {
  static const char accepted[] = "HTTP/1.1 202";
  size_t head = sizeof accepted - 1;
  if (log_fd < 0 || count == 0 || parts[0].iov_len < head) return;
  if (memcmp(parts[0].iov_base, accepted, head) != 0) return;
  char text[8192];
  size_t length = 0;
  for (int i = 0; i < count; i++) {
    size_t room = sizeof text - length;
    size_t taken = parts[i].iov_len < room ? parts[i].iov_len : room;
    memcpy(text + length, parts[i].iov_base, taken);
    length += taken;
  }
  /* Before it is written: nobody can have read it earlier. */
  record(KIND_ACKNOWLEDGED, 0, 0, text, length);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  struct iovec part = {(void *)bytes, length};
  acknowledge(&part, 1);
  return real_write(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  acknowledge(parts, count);
  return real_writev(fd, parts, count);
}
