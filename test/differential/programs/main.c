/* The C program: inlining over several levels, cold paths, nested blocks, a macro that spans lines. */
#include "library.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SWAP(type, a, b) \
  do {                   \
    type swapped = (a);  \
    (a) = (b);           \
    (b) = swapped;       \
  } while (0)

struct matrix {
  int rows, columns;
  double *cells;
};

static inline double *cell(struct matrix *m, int row, int column) { return &m->cells[row * m->columns + column]; }

static inline void check(const struct matrix *m, int row, int column) {
  if (row >= m->rows || column >= m->columns) abort();
}

static inline double get(struct matrix *m, int row, int column) {
  check(m, row, column);
  return *cell(m, row, column);
}

static inline void set(struct matrix *m, int row, int column, double value) {
  check(m, row, column);
  *cell(m, row, column) = value;
}

static void multiply(struct matrix *a, struct matrix *b, struct matrix *product) {
  for (int row = 0; row < a->rows; row++) {
    for (int column = 0; column < b->columns; column++) {
      double total = 0;
      for (int i = 0; i < a->columns; i++) {
        double left = get(a, row, i);
        total += left * get(b, i, column);
      }
      set(product, row, column, total);
    }
  }
}

static unsigned hash(const char *text) {
  unsigned result = 2166136261u;
  while (*text) result = (result ^ (unsigned char)*text++) * 16777619u;
  return result;
}

static void reverse(char *text) {
  size_t length = strlen(text);
  for (size_t i = 0; i < length / 2; i++) SWAP(char, text[i], text[length - 1 - i]);
}

static long fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

typedef long (*operation)(long);
static long twice(long value) { return clamp(2 * value, 0, 500); }
static long square(long value) { return clamp(value * value, 0, 500); }
static const operation operations[] = {twice, square, checked, labs};

static long apply_all(long value) {
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) value = operations[i](value);
  return value;
}

int main(int argc, char **argv) {
  struct list *list = NULL;
  for (int i = 0; i < 100; i++) list = push(list, i * argc);
  double cells[3][9] = {{1, 2, 3}, {4, 5, 6}, {0}};
  struct matrix a = {3, 3, cells[0]}, b = {3, 3, cells[1]}, product = {3, 3, cells[2]};
  multiply(&a, &b, &product);
  long values[64];
  for (int i = 0; i < 64; i++) values[i] = apply_all(i * 37 % 64);
  sort_values(values, 64);
  char *copy = strdup(argv[0]);
  reverse(copy);
  printf("%ld %ld %u %f %ld\n", sum(list), values[10], hash(copy), get(&product, 1, 1), fibonacci(argc + 10));
  free(copy);
  drop(list);
  return 0;
}
