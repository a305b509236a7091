/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/exporter.h"

#include <stdlib.h>

#include "common/mem.h"

static unsigned forget(struct exporters *t, struct exporter *e)
{
	unsigned lost = waiting_forget(&e->waiting, &t->budget);

	templates_forget(&e->templates, &t->budget);
	rates_forget(&e->rates, &t->budget);
	HASH_DEL(t->all, e);
	free(e);
	return lost;
}

void exporters_forget(struct exporters *t)
{
	while (t->all)
		forget(t, t->all);
}

static bool is_silent(const struct exporter *e, uint64_t now_ms)
{
	return now_ms > e->last_ms && now_ms - e->last_ms >= FOREIGN_TEMPLATE_MS;
}

static struct exporter *add(struct exporters *t, const struct exporter_key *key,
			    uint64_t now_ms, uint64_t *lost)
{
	struct exporter *e;

	if (HASH_COUNT(t->all) >= t->cap) {
		if (!t->all || !is_silent(t->all, now_ms))
			return NULL;
		*lost += forget(t, t->all);
	}
	e = xcalloc(1, sizeof(*e));
	e->key = *key;
	e->first_ms = now_ms;
	HASH_ADD(hh, t->all, key, sizeof(e->key), e);
	return e;
}

struct exporter *exporters_touch(struct exporters *t, const struct exporter_key *key,
				 uint64_t now_ms, uint64_t *lost)
{
	struct exporter *e;

	HASH_FIND(hh, t->all, key, sizeof(*key), e);
	if (!e)
		e = add(t, key, now_ms, lost);
	if (!e)
		return NULL;
	if (e->hh.next) {
		HASH_DEL(t->all, e);
		HASH_ADD(hh, t->all, key, sizeof(e->key), e);
	}
	e->last_ms = now_ms;
	e->datagrams++;
	return e;
}
