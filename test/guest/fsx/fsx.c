/*
 * A file-system exerciser: random calls on one file, and a model of it in memory. Whatever the calls are, the file
 * must hold what the model holds. Calls cross each other on purpose: the same bytes are written by write(2), through a
 * shared map, around the page cache (O_DIRECT), cut off by ftruncate and grown again.
 *
 *   fsx [options] FILE
 *     --seed N          of the random calls (default: from the clock; always printed)
 *     --ops N           how many calls (default 10000)
 *     --max-size BYTES  largest file (default 262144)
 *     --seeded N        FILE is there and holds the pattern of seed N; otherwise it is made empty
 *     --check-every N   the whole file is compared every N calls (default 500)
 *     --no-map, --no-direct, --no-punch
 *     --save-model PATH what FILE must hold at the end, for a comparison after a new mount
 *   fsx --make N --size BYTES FILE   makes a file of the pattern of seed N, and nothing else
 *
 * Exit code 0: all equal. 1: a difference, with offset, expected, got and the last calls. 2: wrong use, or a call
 * failed.
 */
#include "fsx.h"

#include <fcntl.h>
#include <getopt.h>
#include <linux/falloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int file = -1;
static int direct_file = -1;
/* Pages written through a map may not have left this machine yet. */
static bool map_unsynced;

static void on_bus_error(int number) {
  (void)number;
  static const char text[] = "FAIL fsx: SIGBUS while touching a map\n";
  ssize_t ignored = write(STDOUT_FILENO, text, sizeof text - 1);
  (void)ignored;
  _exit(2);
}

/* Bytes in the file; it must be what the model says. */
static void check_size(void) {
  struct stat status;
  if (fstat(file, &status) != 0) fail("fstat");
  if (status.st_size != model.size) fail("size is %lld, expected %ld", (long long)status.st_size, model.size);
}

static void open_file(int extra_flags) {
  file = open(setting.path, O_RDWR | extra_flags, 0644);
  if (file < 0) fail("open");
  if (!setting.direct) return;
  direct_file = open(setting.path, O_RDWR | O_DIRECT);
  if (direct_file < 0) {
    if (errno != EINVAL) fail("open with O_DIRECT");
    printf("fsx: no O_DIRECT here\n");
    setting.direct = false;
  }
}

static void close_file(void) {
  if (close(file) != 0) fail("close");
  if (setting.direct && close(direct_file) != 0) fail("close of the O_DIRECT descriptor");
}

/* Reads all of the range or stops at the end of the file, where the model must end too. */
static void read_and_compare(const char *how, int descriptor, long offset, long count) {
  long done = 0;
  while (done < count) {
    ssize_t got = pread(descriptor, buffer + done, (size_t)(count - done), offset + done);
    if (got < 0) fail("%s at %ld", how, offset + done);
    if (got == 0) break;
    done += got;
  }
  long wanted = model.size - offset < count ? model.size - offset : count;
  if (wanted < 0) wanted = 0;
  if (done != wanted) fail("%s of %ld at %ld gave %ld bytes, expected %ld", how, count, offset, done, wanted);
  compare(how, offset, buffer, done);
}

static void check_whole_file(void) {
  remember("check all, size %ld", model.size);
  if (fsync(file) != 0) fail("fsync");
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  check_size();
  read_and_compare("check", file, 0, model.size + BLOCK_BYTES);
}

static void write_fully(const char *how, int descriptor, long offset, long count) {
  long done = 0;
  while (done < count) {
    ssize_t put = pwrite(descriptor, buffer + done, (size_t)(count - done), offset + done);
    if (put <= 0) fail("%s of %ld at %ld", how, count - done, offset + done);
    done += put;
  }
  put_in_model(offset, count);
}

static void do_read(void) {
  long offset, count;
  random_range(setting.max_size, &offset, &count);
  remember("read %ld at %ld", count, offset);
  read_and_compare("read", file, offset, count);
}

static void do_write(void) {
  long offset, count;
  random_range(setting.max_size, &offset, &count);
  remember("write %ld at %ld, size was %ld", count, offset, model.size);
  fill_buffer(count);
  write_fully("write", file, offset, count);
}

static void do_append(void) {
  long count = random_length();
  if (model.size + count > setting.max_size) return;
  remember("append %ld, size was %ld", count, model.size);
  fill_buffer(count);
  int end = open(setting.path, O_WRONLY | O_APPEND);
  if (end < 0) fail("open to append");
  ssize_t put = write(end, buffer, (size_t)count);
  if (put != count) fail("append of %ld gave %zd", count, put);
  if (close(end) != 0) fail("close after append");
  put_in_model(model.size, count);
}

/* A map starts on a page; the range is inside of it. */
static unsigned char *map_range(long offset, long count, int protection, long *lead) {
  *lead = offset % BLOCK_BYTES;
  void *view = mmap(NULL, (size_t)(count + *lead), protection, MAP_SHARED, file, offset - *lead);
  if (view == MAP_FAILED) fail("mmap of %ld at %ld", count, offset);
  return view;
}

static void do_map_read(void) {
  if (model.size == 0) return;
  long offset, count, lead;
  random_range(model.size, &offset, &count);
  remember("mapread %ld at %ld", count, offset);
  unsigned char *view = map_range(offset, count, PROT_READ, &lead);
  memcpy(buffer, view + lead, (size_t)count);
  if (munmap(view, (size_t)(count + lead)) != 0) fail("munmap");
  compare("mapread", offset, buffer, count);
}

static void do_map_write(void) {
  long offset, count, lead;
  random_range(setting.max_size, &offset, &count);
  remember("mapwrite %ld at %ld, size was %ld", count, offset, model.size);
  if (offset + count > model.size && ftruncate(file, offset + count) != 0) fail("ftruncate before mapwrite");
  fill_buffer(count);
  unsigned char *view = map_range(offset, count, PROT_READ | PROT_WRITE, &lead);
  memcpy(view + lead, buffer, (size_t)count);
  bool wait = random_below(2);
  if (msync(view, (size_t)(count + lead), wait ? MS_SYNC : MS_ASYNC) != 0) fail("msync");
  map_unsynced |= !wait;
  if (munmap(view, (size_t)(count + lead)) != 0) fail("munmap");
  put_in_model(offset, count);
}

static void set_size(long size) {
  remember("truncate from %ld to %ld", model.size, size);
  if ((random_below(2) ? ftruncate(file, size) : truncate(setting.path, size)) != 0) fail("truncate");
  cut_model(size);
}

static void do_shrink(void) { set_size(random_below(8) == 0 ? 0 : random_below(model.size + 1)); }

static void do_grow(void) { set_size(model.size + random_below(setting.max_size - model.size + 1)); }

/* Where there is no hole punching (NFSv3), zeros are written instead. */
static void do_punch(void) {
  if (model.size == 0) return;
  long offset, count;
  random_range(model.size, &offset, &count);
  remember("punch %ld at %ld", count, offset);
  if (setting.punch && fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, count) == 0) {
    memset(model.bytes + offset, 0, (size_t)count);
    return;
  }
  if (setting.punch && errno != EOPNOTSUPP) fail("punch of %ld at %ld", count, offset);
  setting.punch = false;
  memset(buffer, 0, (size_t)count);
  write_fully("zeros", file, offset, count);
}

static void do_sparse_write(void) {
  long count = 1 + random_below(300);
  long room = setting.max_size - model.size - count;
  if (room <= 0) return;
  long offset = model.size + random_below(room);
  remember("sparse write %ld at %ld, size was %ld", count, offset, model.size);
  fill_buffer(count);
  write_fully("sparse write", file, offset, count);
}

static void do_sync(void) {
  remember("fsync");
  if ((random_below(2) ? fsync(file) : fdatasync(file)) != 0) fail("fsync");
}

static void do_reopen(void) {
  remember("close and open");
  close_file();
  open_file(0);
  check_size();
}

static void do_drop_cache(void) {
  remember("drop the cached pages");
  if (fsync(file) != 0) fail("fsync");
  posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
}

/* Linux' NFS client does not look at mapped pages before direct calls (fs/nfs/io.c): who mixes them must sync. */
static void settle_map(void) {
  if (map_unsynced && fsync(file) != 0) fail("fsync");
  map_unsynced = false;
}

static void do_direct_read(void) {
  long offset, count;
  random_aligned_range(setting.max_size, &offset, &count);
  settle_map();
  remember("direct read %ld at %ld", count, offset);
  read_and_compare("direct read", direct_file, offset, count);
}

static void do_direct_write(void) {
  long offset, count;
  random_aligned_range(setting.max_size, &offset, &count);
  settle_map();
  remember("direct write %ld at %ld, size was %ld", count, offset, model.size);
  fill_buffer(count);
  write_fully("direct write", direct_file, offset, count);
}

/* How often each call is made, in parts of the sum. Calls that sync are dear on a network. */
static const struct {
  const char *name;
  int weight;
  const bool *needs; /* NULL: nothing */
  void (*run)(void);
} CALLS[] = {
    {"read", 20, NULL, do_read},
    {"write", 20, NULL, do_write},
    {"append", 2, NULL, do_append},
    {"mapread", 12, &setting.map, do_map_read},
    {"mapwrite", 12, &setting.map, do_map_write},
    {"shrink", 5, NULL, do_shrink},
    {"grow", 4, NULL, do_grow},
    {"punch", 4, NULL, do_punch},
    {"sparse write", 4, NULL, do_sparse_write},
    {"fsync", 2, NULL, do_sync},
    {"reopen", 2, NULL, do_reopen},
    {"drop cache", 3, NULL, do_drop_cache},
    {"direct read", 5, &setting.direct, do_direct_read},
    {"direct write", 5, &setting.direct, do_direct_write},
};
enum { CALL_KINDS = sizeof CALLS / sizeof CALLS[0] };

static int choose_call(void) {
  int sum = 0;
  for (int kind = 0; kind < CALL_KINDS; kind++) sum += CALLS[kind].weight;
  long pick = random_below(sum);
  int kind = 0;
  while (pick >= CALLS[kind].weight) pick -= CALLS[kind++].weight;
  return kind;
}

static void exercise(void) {
  long made[CALL_KINDS] = {0};
  for (calls_done = 1; calls_done <= setting.ops; calls_done++) {
    int kind = choose_call();
    if (CALLS[kind].needs != NULL && !*CALLS[kind].needs) kind = 0;
    CALLS[kind].run();
    made[kind]++;
    if (calls_done % setting.check_every == 0) check_whole_file();
  }
  check_whole_file();
  printf("PASS fsx %s seed %llu: %ld calls (", setting.path, (unsigned long long)setting.seed, setting.ops);
  for (int kind = 0; kind < CALL_KINDS; kind++) printf("%s%s %ld", kind ? ", " : "", CALLS[kind].name, made[kind]);
  printf("), size %ld\n", model.size);
}

static void take_prepared_file(void) {
  struct stat status;
  if (fstat(file, &status) != 0) fail("fstat");
  if (status.st_size > setting.max_size) fail("the file is larger than --max-size");
  model.size = status.st_size;
  for (long i = 0; i < model.size; i++) model.bytes[i] = pattern_byte((uint32_t)setting.pattern_seed, (uint64_t)i);
  remember("the file as it was prepared, size %ld", model.size);
  read_and_compare("prepared content", file, 0, model.size + BLOCK_BYTES);
}

__attribute__((noreturn)) static void usage(void) {
  fprintf(stderr, "usage: fsx [--seed N] [--ops N] [--max-size BYTES] [--seeded N] [--check-every N] [--no-map]\n"
                  "           [--no-direct] [--no-punch] [--save-model PATH] FILE\n"
                  "       fsx --make N --size BYTES FILE\n");
  exit(2);
}

int main(int count, char **words) {
  static const struct option OPTIONS[] = {
      {"seed", required_argument, NULL, 's'},     {"ops", required_argument, NULL, 'n'},
      {"max-size", required_argument, NULL, 'l'}, {"seeded", required_argument, NULL, 'p'},
      {"check-every", required_argument, NULL, 'c'}, {"no-map", no_argument, NULL, 'M'},
      {"no-direct", no_argument, NULL, 'D'},      {"no-punch", no_argument, NULL, 'H'},
      {"save-model", required_argument, NULL, 'o'}, {"make", required_argument, NULL, 'm'},
      {"size", required_argument, NULL, 'z'},     {NULL, 0, NULL, 0},
  };
  setting.seed = (uint64_t)time(NULL) ^ (uint64_t)getpid() << 20;
  long make_seed = -1, make_size = -1;
  for (int option; (option = getopt_long(count, words, "", OPTIONS, NULL)) != -1;) {
    switch (option) {
      case 's': setting.seed = strtoull(optarg, NULL, 0); break;
      case 'n': setting.ops = strtol(optarg, NULL, 0); break;
      case 'l': setting.max_size = strtol(optarg, NULL, 0); break;
      case 'p': setting.pattern_seed = strtol(optarg, NULL, 0); break;
      case 'c': setting.check_every = strtol(optarg, NULL, 0); break;
      case 'M': setting.map = false; break;
      case 'D': setting.direct = false; break;
      case 'H': setting.punch = false; break;
      case 'o': setting.save_model = optarg; break;
      case 'm': make_seed = strtol(optarg, NULL, 0); break;
      case 'z': make_size = strtol(optarg, NULL, 0); break;
      default: usage();
    }
  }
  if (optind != count - 1 || setting.ops < 1 || setting.check_every < 1 || setting.max_size < BLOCK_BYTES) usage();
  setting.path = words[optind];
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (make_seed >= 0) {
    if (make_size < 0) usage();
    make_pattern_file((uint32_t)make_seed, make_size);
    return 0;
  }
  printf("fsx %s seed %llu\n", setting.path, (unsigned long long)setting.seed);
  signal(SIGBUS, on_bus_error);
  prepare_model();
  open_file(setting.pattern_seed < 0 ? O_CREAT | O_TRUNC : 0);
  if (setting.pattern_seed >= 0) take_prepared_file();
  exercise();
  close_file();
  if (setting.save_model != NULL) save_model();
  return 0;
}
