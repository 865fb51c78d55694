/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The account: which blocks live, and what they add up to by stack.
 *
 * Each CPU adds to totals of its own, so that threads on different ones do not wait for each other; atomically all the
 * same, since a thread can be preempted in the middle.
 */
#ifndef LEAKLINE_ACCOUNT_BPF_H
#define LEAKLINE_ACCOUNT_BPF_H

/* Makes sure that the stack has its totals and its frames in the maps. */
static bool remember_stack(struct thread *thread, __u64 id)
{
	struct stack_totals none = {};

	if (bpf_map_lookup_elem(&totals, &id))
		return true;
	if (!bpf_map_update_elem(&frames, &id, &thread->stack, BPF_ANY)) {
		/* Another thread may have been faster: its totals stay. */
		bpf_map_update_elem(&totals, &id, &none, BPF_NOEXIST);
		if (bpf_map_lookup_elem(&totals, &id))
			return true;
	}
	count(DROPPED_STACK);
	return false;
}

static void add_to_totals(const struct block *block, __s64 sign, bool is_new)
{
	struct stack_totals *total = bpf_map_lookup_elem(&totals, &block->stack_id);
	__s64 bytes = sign * (__s64)(block->size * block->weight);
	__s64 blocks = sign * (__s64)block->weight;

	if (!total)
		return;
	__sync_fetch_and_add(&total->bytes, bytes);
	__sync_fetch_and_add(&total->blocks, blocks);
	if (is_new) {
		__sync_fetch_and_add(&total->allocated_bytes, bytes);
		__sync_fetch_and_add(&total->allocated_blocks, blocks);
	}
}

/* Takes a block out of the account. Deleting decides who wins when two threads free the same address. */
static bool take_block(void *map, const struct block_key *key, struct block *taken)
{
	struct block *block = bpf_map_lookup_elem(map, key);

	if (!block)
		return false;
	*taken = *block;
	if (bpf_map_delete_elem(map, key))
		return false;
	add_to_totals(taken, -1, false);
	return true;
}

static void put_block(void *map, const struct block_key *key, const struct block *block, bool is_new)
{
	struct block stale;

	if (bpf_map_update_elem(map, key, block, BPF_NOEXIST)) {
		/* Either the address is taken, so its free was missed, or the map is full. */
		if (take_block(map, key, &stale))
			count(MISSED_FREE);
		if (bpf_map_update_elem(map, key, block, BPF_NOEXIST)) {
			count(DROPPED_BLOCK);
			return;
		}
	}
	add_to_totals(block, 1, is_new);
}

/* Pages that are unmapped. */
struct cut {
	__u64 start;
	__u64 end;
	__u32 space;
};

/* Takes the pages of the cut out of one mapping, if they overlap. What lies before and behind remains. */
static long cut_mapping(void *map, struct block_key *key, struct block *block, struct cut *cut)
{
	struct block_key start = *key;
	struct block_key behind = { .address = cut->end, .space = cut->space };
	struct block part, whole;
	__u64 end = start.address + block->size;

	if (start.space != cut->space || start.address >= cut->end || end <= cut->start)
		return 0;
	if (!take_block(&mapped, &start, &whole))
		return 0;
	part = whole;
	if (start.address < cut->start) {
		part.size = cut->start - start.address;
		put_block(&mapped, &start, &part, false);
	}
	if (end > cut->end) {
		part.size = end - cut->end;
		put_block(&mapped, &behind, &part, false);
	}
	return 0;
}

/* munmap(2): any pages, in one mapping or several, or part of one. */
static void cut_pages(__u32 space, __u64 address, __u64 size)
{
	struct block_key key = { .address = address, .space = space };
	struct cut cut = { .start = address, .end = address + size, .space = space };
	struct block *block = bpf_map_lookup_elem(&mapped, &key);
	struct block taken;

	if (block && block->size == size)
		take_block(&mapped, &key, &taken);
	else
		bpf_for_each_map_elem(&mapped, cut_mapping, &cut, 0);
}

#endif
