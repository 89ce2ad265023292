/* What the exerciser and its model share. */
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

enum {
  BLOCK_BYTES = 4096,
  LONGEST_CALL_BYTES = 65536,
};

struct setting {
  const char *path;
  uint64_t seed;
  long ops;
  long max_size;
  long check_every;
  long pattern_seed; /* -1: the file starts empty */
  bool map, direct, punch;
  const char *save_model;
};
extern struct setting setting;

/* What the file must hold. Bytes at and after `size` are zero: a file that grows, grows by zeros. */
struct model {
  unsigned char *bytes;
  long size;
};
extern struct model model;

extern unsigned char *buffer; /* LONGEST_CALL_BYTES or the whole file, aligned for O_DIRECT */
extern long calls_done;

void prepare_model(void);
void put_in_model(long offset, long count); /* from the start of `buffer` */
void cut_model(long size);
void save_model(void);

long random_below(long limit);
long random_length(void);
void random_range(long limit, long *offset, long *count);
void random_aligned_range(long limit, long *offset, long *count);
void fill_buffer(long count);

unsigned char pattern_byte(uint32_t seed, uint64_t offset);
void make_pattern_file(uint32_t seed, long size);

__attribute__((format(printf, 1, 2))) void remember(const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);
void compare(const char *how, long offset, const unsigned char *got, long count);
