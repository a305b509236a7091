/* SPDX-License-Identifier: Apache-2.0 */
#include "store/skew.h"

enum {
	JITTER_MS = 500, /* what the network and a busy loop make of equal clocks */
	NEAR_MS = 2000,
	BREAK_MS = 1500,     /* between two batches of a watch that goes on */
	DRIFT_MS = 60000,    /* no clock drifts further between two greetings */
	FRESH_MS = 5000,     /* a batch that was not kept in a spool */
	BACKLOG_MS = 600000, /* nobody who tells at once goes on with what is older */
	AHEAD_MS = 90000,    /* nobody tells of a minute that is to come */
};

static bool within(int64_t a, int64_t b, int64_t most)
{
	return a - b <= most && b - a <= most;
}

bool skew_goes_back(const struct skew *k, int64_t base_ms)
{
	return k->known && base_ms < k->base_ms - BREAK_MS;
}

static bool fresh(const struct skew_batch *b, int64_t skew)
{
	return within(b->received_ms, b->end_ms - skew, FRESH_MS);
}

static enum skew_change set(struct skew *k, int64_t ms, enum skew_change how)
{
	if (k->ms == ms)
		return SKEW_SAME;
	k->ms = ms;
	return how;
}

/* Its watch went on, so what its clock went back by is what is missing to that. */
static enum skew_change back(struct skew *k, const struct skew_batch *b, int64_t told)
{
	int64_t stepped = k->ms + b->base_ms - k->end_ms;

	if (told < k->ms - NEAR_MS)
		return set(k, told, SKEW_STEPPED);
	if ((b->again || b->base_ms < k->end_ms - BACKLOG_MS) && fresh(b, stepped))
		return set(k, stepped, SKEW_STEPPED);
	return SKEW_SAME;
}

/* From the future: what HELLO told, if that explains it; else this batch came at once. */
static enum skew_change ahead(struct skew *k, const struct skew_batch *b, int64_t told)
{
	bool explained = b->end_ms - told <= b->received_ms + AHEAD_MS;

	return set(k, explained ? told : b->end_ms - b->received_ms, SKEW_STEPPED);
}

static enum skew_change follow(struct skew *k, const struct skew_batch *b, int64_t told)
{
	int64_t pause = b->base_ms - k->end_ms, diff = told - k->ms;

	if (skew_goes_back(k, b->base_ms))
		return back(k, b, told);
	if (b->end_ms - k->ms > b->received_ms + AHEAD_MS)
		return ahead(k, b, told);
	if (within(diff, 0, JITTER_MS))
		return SKEW_SAME;
	if (within(diff, 0, NEAR_MS) || (within(diff, 0, DRIFT_MS) && fresh(b, told)))
		return set(k, told, SKEW_REFINED);
	if (pause <= BREAK_MS)
		return SKEW_SAME;
	if (fresh(b, told) || (diff > 0 && pause >= diff - BREAK_MS))
		return set(k, told, SKEW_STEPPED);
	return SKEW_SAME;
}

enum skew_change skew_follow(struct skew *k, const struct skew_batch *b)
{
	int64_t told = within(b->told_ms, 0, JITTER_MS) ? 0 : b->told_ms;
	enum skew_change change;

	if (!k->known)
		change = set(k, told, SKEW_REFINED);
	else if (b->first)
		change = set(k, told,
			     within(told, k->ms, DRIFT_MS) ? SKEW_REFINED : SKEW_STEPPED);
	else
		change = follow(k, b, told);
	if (!k->known || b->first || change == SKEW_STEPPED || b->end_ms > k->end_ms)
		k->end_ms = b->end_ms;
	k->known = true;
	k->base_ms = b->base_ms;
	return change;
}
