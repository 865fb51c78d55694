/* The second unit of the C program: inlined into the first one with LTO. */
#include "library.h"
#include <stdio.h>
#include <stdlib.h>

static void out_of_memory(size_t size) {
  fprintf(stderr, "no memory for %zu bytes\n", size);
  abort();
}

static inline void *allocate(size_t size) {
  void *memory = malloc(size);
  if (__builtin_expect(memory == NULL, 0)) out_of_memory(size);
  return memory;
}

struct list *push(struct list *list, long value) {
  struct list *head = allocate(sizeof *head);
  head->next = list;
  head->value = clamp(value, -1000, 1000);
  return head;
}

long sum(const struct list *list) {
  long total = 0;
  for (; list != NULL; list = list->next) total += list->value;
  return total;
}

void drop(struct list *list) {
  while (list != NULL) {
    struct list *next = list->next;
    free(list);
    list = next;
  }
}

static int compare(const void *a, const void *b) {
  long left = *(const long *)a, right = *(const long *)b;
  return (left > right) - (left < right);
}

void sort_values(long *values, size_t count) { qsort(values, count, sizeof *values, compare); }

__attribute__((cold, noinline)) static long refuse(long value) {
  fprintf(stderr, "refused: %ld\n", value);
  return -1;
}

long checked(long value) {
  if (value < 0) return refuse(value);
  switch (value % 7) {
    case 0: return value / 7;
    case 1: return clamp(value, 2, 40) * 3;
    case 2: return value ^ 0x55;
    case 3: return clamp(value * 5, 1, 9) << 2;
    case 4: return ~value;
    default: return value;
  }
}
