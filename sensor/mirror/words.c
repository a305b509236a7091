/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/words.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"

struct word {
	char *text; /* NULL: a free number */
	uint32_t id, users, spare;
	UT_hash_handle hh;
};

struct words {
	struct word **word; /* word[0] is none */
	uint32_t used, cap, spare;
	struct word *by_text;
	uint64_t lost;
};

struct words *words_new(void)
{
	struct words *w = xcalloc(1, sizeof(*w));

	MEM_GROW(w->word, w->used, w->cap);
	w->word[w->used++] = NULL;
	return w;
}

void words_free(struct words *w)
{
	if (!w)
		return;
	HASH_CLEAR(hh, w->by_text);
	for (uint32_t i = 1; i < w->used; i++) {
		free(w->word[i]->text);
		free(w->word[i]);
	}
	free(w->word);
	free(w);
}

static struct word *spare(struct words *w)
{
	struct word *o;

	if (w->spare) {
		o = w->word[w->spare];
		w->spare = o->spare;
		return o;
	}
	if (w->used >= WORDS_MAX)
		return NULL;
	MEM_GROW(w->word, w->used, w->cap);
	o = xcalloc(1, sizeof(*o));
	o->id = w->used;
	w->word[w->used++] = o;
	return o;
}

uint32_t words_take(struct words *w, const char *word)
{
	size_t n = strlen(word);
	struct word *o;

	HASH_FIND(hh, w->by_text, word, n, o);
	if (!o) {
		o = spare(w);
		if (!o) {
			w->lost++;
			return 0;
		}
		o->text = xstrdup(word);
		HASH_ADD_KEYPTR(hh, w->by_text, o->text, n, o);
	}
	o->users++;
	return o->id;
}

void words_give(struct words *w, uint32_t id)
{
	struct word *o = id ? w->word[id] : NULL;

	if (!o || --o->users)
		return;
	HASH_DEL(w->by_text, o);
	free(o->text);
	o->text = NULL;
	o->spare = w->spare;
	w->spare = id;
}

const char *words_of(const struct words *w, uint32_t id)
{
	return id ? w->word[id]->text : "";
}

uint64_t words_lost(const struct words *w)
{
	return w->lost;
}
