/*
 * What programs share that keep their own account: each call site is a function of its own, and `ledger` notes what it
 * leaves outstanding. Printed at the end as `NAME BYTES BLOCKS`, it is what the report must say of that function.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITE __attribute__((noinline)) static

static struct { const char *name; long bytes, blocks; } ledger_rows[200];
static int ledger_count;

/* The site's total is changed by so much; a site that leaves nothing is noted too. */
__attribute__((unused)) static void ledger(const char *name, long bytes, long blocks)
{
	int i = 0;

	while (i < ledger_count && strcmp(ledger_rows[i].name, name))
		i++;
	if (i == ledger_count)
		ledger_rows[ledger_count++].name = name;
	ledger_rows[i].bytes += bytes;
	ledger_rows[i].blocks += blocks;
}

/* Waits for a line on stdin. Called before anything is allocated: stdio allocates its buffers here. */
__attribute__((unused)) static void ledger_begin(void)
{
	puts("ready");
	fflush(stdout);
	getchar();
}

__attribute__((unused)) static void ledger_end(void)
{
	for (int i = 0; i < ledger_count; i++)
		printf("%s %ld %ld\n", ledger_rows[i].name, ledger_rows[i].bytes, ledger_rows[i].blocks);
	puts("done");
	fflush(stdout);
	getchar();
}
