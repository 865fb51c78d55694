/* What main.c and library.c share. */
#include <stddef.h>

struct list {
  struct list *next;
  long value;
};

struct list *push(struct list *list, long value);
long sum(const struct list *list);
void drop(struct list *list);
void sort_values(long *values, size_t count);
long checked(long value);

static inline long clamp(long value, long low, long high) {
  if (value < low) return low;
  if (value > high) return high;
  return value;
}
