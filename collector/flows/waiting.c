/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/waiting.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

static struct waiting_set *take_at(struct waiting *w, struct budget *b, unsigned i)
{
	struct waiting_set *s = w->at[i];

	memmove(&w->at[i], &w->at[i + 1], (--w->n - i) * sizeof(w->at[0]));
	w->bytes -= s->len;
	budget_give(b, sizeof(*s) + s->len);
	return s;
}

static bool is_old(const struct waiting_set *s, uint64_t now_ms)
{
	return now_ms > s->head.received_ms &&
	       now_ms - s->head.received_ms > FOREIGN_TEMPLATE_MS;
}

unsigned waiting_put(struct waiting *w, struct budget *b, const struct export_head *head,
		     uint16_t id, struct cur body)
{
	size_t len = cur_left(&body);
	struct waiting_set *s;
	unsigned lost = 0;

	if (len > FOREIGN_WAITING_BYTES)
		return 1;
	while (w->n && (w->n == FOREIGN_WAITING || w->bytes + len > FOREIGN_WAITING_BYTES ||
			is_old(w->at[0], head->received_ms))) {
		free(take_at(w, b, 0));
		lost++;
	}
	if (!budget_take(b, sizeof(*s) + len))
		return lost + 1;
	s = xmalloc(sizeof(*s) + len);
	s->head = *head;
	s->id = id;
	s->len = (uint16_t)len;
	if (len)
		memcpy(s->body, body.p, len);
	w->at[w->n++] = s;
	w->bytes += s->len;
	return lost;
}

struct waiting_set *waiting_take(struct waiting *w, struct budget *b, uint16_t id)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->at[i]->id == id)
			return take_at(w, b, i);
	return NULL;
}

unsigned waiting_forget(struct waiting *w, struct budget *b)
{
	unsigned n = w->n;

	while (w->n)
		free(take_at(w, b, w->n - 1));
	return n;
}
