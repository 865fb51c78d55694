/* A user's allocator: a library with a pool, some of whose functions no symbol table of the program has. */
typedef unsigned long size_t;
struct pool { char *memory; size_t used; };
void *pool_alloc(struct pool *, size_t);
void *pool_calloc(size_t, size_t);
void *pool_realloc(void *, size_t);
int pool_memalign(void **, size_t, size_t);
void *pool_node(struct pool *);
void pool_free(struct pool *, void *);
/* Through a static function of the library. */
void *library_alloc(size_t);
void library_free(void *);
/* Calls this from inside: it may raise a signal, leave by longjmp, or end the thread. */
extern void (*pool_hook)(void);
