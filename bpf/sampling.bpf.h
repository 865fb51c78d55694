/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sampling by bytes: as if every allocated byte were drawn with the same small chance, one in `sample_bytes`, and a
 * block were a sample when one of its bytes was drawn (a Poisson process). A block of S bytes is one with chance
 * p = 1 - e^(-S / sample_bytes), and then stands for 1/p blocks of its size. That estimates bytes and blocks of every
 * call site without bias, whatever mixture of sizes it allocates.
 *
 * Fixed point with 30 fractional bits. The weight is made from the very p that was drawn with, so that how exact p is
 * does not matter to the estimate's mean.
 */
#ifndef LEAKLINE_SAMPLING_BPF_H
#define LEAKLINE_SAMPLING_BPF_H

#define ONE (1ULL << 30)

/* Chance of a block of this size to be a sample, in units of 2^-30. */
static __u64 sample_chance(const struct settings *settings, __u64 size)
{
	__u64 x, k, low, rest;
	__u32 step;
	__u32 *power;

	if (size > settings->sample_bytes * (DECAY_STEPS / 4) - 1)
		return ONE;
	x = (size * settings->sample_inverse) >> 10; /* size / sample_bytes */
	k = x >> 28; /* quarters */
	low = x & ((ONE >> 2) - 1);
	/* 1 - e^-low for low < 1/4: low - low^2/2 + low^3/6 - low^4/24 */
	rest = low - (low * low >> 31) + ((low * low >> 30) * low >> 30) / 6 - ((low * low >> 30) * (low * low >> 30) >> 30) / 24;
	step = k;
	power = bpf_map_lookup_elem(&decay, &step);
	if (!power)
		return ONE;
	/* 1 - e^-k/4 * e^-low */
	rest = (ONE - *power) + (*power * rest >> 30);
	return rest ? rest : 1;
}

/* How many blocks of this size the allocation stands for; 0: it is no sample. */
static __u32 sample_weight(const struct settings *settings, __u64 size)
{
	__u64 chance, draw, quotient, remainder;

	if (settings->sample_bytes == 0)
		return 1;
	chance = sample_chance(settings, size ? size : 1);
	draw = bpf_get_prandom_u32() >> 2;
	if (draw >= chance)
		return 0;
	/* 1/p as a whole number, rounded up as often as its fraction says. */
	quotient = ONE / chance;
	remainder = ONE % chance;
	draw = bpf_get_prandom_u32();
	return quotient + (draw * chance >> 32 < remainder);
}

#endif
