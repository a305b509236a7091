/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/rates.h"

#include <stdlib.h>
#include <string.h>

#include "collector/flows/foreign.h"
#include "common/mem.h"

static const uint64_t of_sampler = 1ULL << 62, of_interface = 2ULL << 62;

static uint32_t clamp(uint64_t one_in)
{
	return one_in > UINT32_MAX ? UINT32_MAX : (uint32_t)one_in;
}

/* Rounded to the nearest. */
static uint32_t ratio(uint64_t of, uint64_t taken)
{
	return taken ? clamp(of / taken + (of % taken >= taken - taken / 2)) : 0;
}

/* samplingProbability is 0 to 1, an IEEE double (RFC 5477 section 8.2.8). */
static uint32_t of_probability(uint64_t bits)
{
	double p;

	memcpy(&p, &bits, sizeof(p));
	return p > 1e-9 && p <= 1 ? (uint32_t)(1 / p + 0.5) : 0;
}

uint32_t rates_of_record(const struct record *r)
{
	uint64_t taken = record_number(r, FIELD_TAKEN);

	/* An interval without a space is what was meant by it before RFC 5477: 1 in so many.
	 */
	if (taken && record_has(r, FIELD_SPACE))
		return ratio(taken + record_number(r, FIELD_SPACE), taken);
	if (taken)
		return clamp(taken);
	if (record_number(r, FIELD_POPULATION))
		return ratio(record_number(r, FIELD_POPULATION), record_number(r, FIELD_SIZE));
	if (record_has(r, FIELD_PROBABILITY))
		return of_probability(record_number(r, FIELD_PROBABILITY));
	return clamp(record_number(r, FIELD_INTERVAL));
}

static unsigned place(const struct rates *t, uint64_t key)
{
	unsigned low = 0, high = t->n;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (t->at[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool put(struct rates *t, struct budget *b, uint64_t key, uint32_t one_in)
{
	unsigned i = place(t, key);

	if (i == t->n || t->at[i].key != key) {
		if (t->n == FOREIGN_RATES || !budget_take(b, sizeof(t->at[0])))
			return false;
		MEM_GROW(t->at, t->n, t->cap);
		memmove(&t->at[i + 1], &t->at[i], (t->n++ - i) * sizeof(t->at[0]));
		t->at[i].key = key;
		t->samplers += key >> 62 == of_sampler >> 62;
	}
	t->at[i].one_in = one_in;
	return true;
}

/* The 62 lower bits of what a record calls its sampler or interface. */
static uint64_t key_of(uint64_t kind, uint64_t id)
{
	return kind | (id & ((1ULL << 62) - 1));
}

bool rates_learn(struct rates *t, struct budget *b, const struct record *r)
{
	uint32_t one_in = rates_of_record(r);

	if (!one_in)
		return true;
	if (record_has(r, FIELD_SAMPLER))
		return put(t, b, key_of(of_sampler, record_number(r, FIELD_SAMPLER)), one_in);
	if (record_number(r, FIELD_IN_IF))
		return put(t, b, key_of(of_interface, record_number(r, FIELD_IN_IF)), one_in);
	t->all = one_in;
	return true;
}

static uint32_t find(const struct rates *t, uint64_t key)
{
	unsigned i = place(t, key);

	return i < t->n && t->at[i].key == key ? t->at[i].one_in : 0;
}

uint32_t rates_find(const struct rates *t, const struct record *r)
{
	uint32_t one_in = rates_of_record(r);

	if (!one_in && record_has(r, FIELD_SAMPLER))
		one_in = find(t, key_of(of_sampler, record_number(r, FIELD_SAMPLER)));
	if (!one_in && t->n)
		one_in = find(t, key_of(of_interface, record_number(r, FIELD_IN_IF)));
	if (!one_in)
		one_in = t->all;
	/* Many name no sampler in the records and have only one. */
	if (!one_in && t->samplers == 1 && !record_has(r, FIELD_SAMPLER))
		one_in = t->at[0].one_in;
	return one_in;
}

void rates_forget(struct rates *t, struct budget *b)
{
	budget_give(b, t->n * sizeof(t->at[0]));
	free(t->at);
	*t = (struct rates){ 0 };
}
