/* The model in memory, the random numbers, the record of the last calls, and the report of a difference. */
#include "fsx.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  TRACE_CALLS = 48,
  TRACE_LINE_BYTES = 120,
};

struct setting setting = {
    .ops = 10000,
    .max_size = 262144,
    .check_every = 500,
    .pattern_seed = -1,
    .map = true,
    .direct = true,
    .punch = true,
};
struct model model;
unsigned char *buffer;
long calls_done;
static char trace[TRACE_CALLS][TRACE_LINE_BYTES];

/* The model's random numbers: xorshift64*, so that a seed means the same everywhere. */
static uint64_t random_state;

static uint64_t random_word(void) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 0x2545F4914F6CDD1DULL;
}

long random_below(long limit) { return limit <= 0 ? 0 : (long)(random_word() % (uint64_t)limit); }

/* One byte of the pattern that an image's file is made of; the same formula makes the image. */
unsigned char pattern_byte(uint32_t seed, uint64_t offset) {
  uint32_t word = (uint32_t)(offset >> 2) * 0x9E3779B1u ^ seed * 0x85EBCA6Bu;
  word ^= word >> 16;
  word *= 0x7FEB352Du;
  word ^= word >> 15;
  word *= 0x846CA68Bu;
  word ^= word >> 16;
  return (unsigned char)(word >> (8 * (offset & 3)));
}

void remember(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *line = trace[calls_done % TRACE_CALLS];
  int used = snprintf(line, TRACE_LINE_BYTES, "%ld: ", calls_done);
  vsnprintf(line + used, (size_t)(TRACE_LINE_BYTES - used), format, arguments);
  va_end(arguments);
}

static void print_trace(void) {
  long first = calls_done < TRACE_CALLS ? 0 : calls_done - TRACE_CALLS + 1;
  for (long call = first; call <= calls_done; call++) printf("  %s\n", trace[call % TRACE_CALLS]);
}

void fail(const char *format, ...) {
  int number = errno;
  va_list arguments;
  va_start(arguments, format);
  printf("FAIL fsx %s seed %llu call %ld: ", setting.path, (unsigned long long)setting.seed, calls_done);
  vprintf(format, arguments);
  va_end(arguments);
  printf(" (%s)\nlast calls:\n", strerror(number));
  print_trace();
  exit(2);
}

__attribute__((noreturn)) static void differ(const char *how, long offset, const unsigned char *got, long count) {
  long at = 0;
  while (got[at] == model.bytes[offset + at]) at++;
  long bad = 0;
  for (long i = at; i < count; i++) bad += got[i] != model.bytes[offset + i];
  printf("FAIL fsx %s seed %llu call %ld: %s differs at offset %ld (block %ld): expected %02x, got %02x; ", setting.path,
         (unsigned long long)setting.seed, calls_done, how, offset + at, (offset + at) / BLOCK_BYTES,
         model.bytes[offset + at], got[at]);
  printf("%ld of %ld bytes from offset %ld; size %ld\n  expected", bad, count, offset, model.size);
  for (long i = at; i < at + 16 && i < count; i++) printf(" %02x", model.bytes[offset + i]);
  printf("\n  got     ");
  for (long i = at; i < at + 16 && i < count; i++) printf(" %02x", got[i]);
  printf("\nlast calls:\n");
  print_trace();
  exit(1);
}

void compare(const char *how, long offset, const unsigned char *got, long count) {
  if (memcmp(got, model.bytes + offset, (size_t)count) != 0) differ(how, offset, got, count);
}


void prepare_model(void) {
  random_state = setting.seed * 2 + 1;
  size_t room = (size_t)(setting.max_size + LONGEST_CALL_BYTES + 2 * BLOCK_BYTES);
  model.bytes = calloc(1, room);
  if (model.bytes == NULL || posix_memalign((void **)&buffer, BLOCK_BYTES, room) != 0) fail("memory");
}

/* A length: often small, often about a block, sometimes long. */
long random_length(void) {
  switch (random_below(4)) {
    case 0: return 1 + random_below(200);
    case 1: return BLOCK_BYTES - 2 + random_below(5);
    case 2: return 1 + random_below(3 * BLOCK_BYTES);
    default: return 1 + random_below(LONGEST_CALL_BYTES);
  }
}

/* A range that fits below the limit; often it begins or ends on the edge of a block. */
void random_range(long limit, long *offset, long *count) {
  *count = random_length();
  if (*count > limit) *count = limit;
  *offset = random_below(limit - *count + 1);
  if (random_below(3) == 0) *offset -= *offset % BLOCK_BYTES;
}

void fill_buffer(long count) {
  for (long i = 0; i < count; i += 8) {
    uint64_t word = random_word();
    memcpy(buffer + i, &word, 8);
  }
}

void put_in_model(long offset, long count) {
  memcpy(model.bytes + offset, buffer, (size_t)count);
  if (offset + count > model.size) model.size = offset + count;
}

void random_aligned_range(long limit, long *offset, long *count) {
  long blocks = limit / BLOCK_BYTES;
  *count = (1 + random_below(LONGEST_CALL_BYTES / BLOCK_BYTES)) * BLOCK_BYTES;
  if (*count > blocks * BLOCK_BYTES) *count = blocks * BLOCK_BYTES;
  *offset = random_below(blocks - *count / BLOCK_BYTES + 1) * BLOCK_BYTES;
}

void cut_model(long size) {
  if (size < model.size) memset(model.bytes + size, 0, (size_t)(model.size - size));
  model.size = size;
}

void save_model(void) {
  FILE *copy = fopen(setting.save_model, "wb");
  if (copy == NULL || fwrite(model.bytes, 1, (size_t)model.size, copy) != (size_t)model.size || fclose(copy) != 0)
    fail("--save-model %s", setting.save_model);
}

void make_pattern_file(uint32_t seed, long size) {
  FILE *made = fopen(setting.path, "wb");
  if (made == NULL) fail("fopen");
  for (long i = 0; i < size; i++) putc(pattern_byte(seed, (uint64_t)i), made);
  if (fclose(made) != 0) fail("fclose");
}
