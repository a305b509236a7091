/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/template.h"

#include <stdlib.h>
#include <string.h>

#include "collector/flows/foreign.h"
#include "common/mem.h"

enum {
	EVERY_MAX_MS = 24 * 3600 * 1000,
	ID_MIN = 256,
	ENTERPRISE = 0x8000, /* the bit of an element's id */
};

/* Being read; as large as one may be. */
union draft {
	struct layout t;
	uint8_t room[sizeof(struct layout) + FOREIGN_FIELDS * sizeof(struct template_field)];
};

static size_t size_of(const struct layout *t)
{
	return sizeof(*t) + t->n * sizeof(t->field[0]);
}

static void drop(struct templates *t, struct budget *b, unsigned i)
{
	budget_give(b, size_of(t->at[i]));
	free(t->at[i]);
	memmove(&t->at[i], &t->at[i + 1], (--t->n - i) * sizeof(t->at[0]));
}

void templates_forget(struct templates *t, struct budget *b)
{
	while (t->n)
		drop(t, b, t->n - 1);
	free(t->at);
	*t = (struct templates){ 0 };
}

/* Where ID is, or would be. */
static unsigned place(const struct templates *t, uint16_t id)
{
	unsigned low = 0, high = t->n;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (t->at[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_at(const struct templates *t, unsigned i, uint16_t id)
{
	return i < t->n && t->at[i]->id == id;
}

static bool is_over(const struct layout *t, uint64_t now_ms)
{
	uint64_t life = 3 * t->every_ms;

	if (life < FOREIGN_TEMPLATE_MS)
		life = FOREIGN_TEMPLATE_MS;
	return now_ms > t->told_ms && now_ms - t->told_ms > life;
}

const struct layout *template_find(const struct templates *t, uint16_t id, uint64_t now_ms)
{
	unsigned i = place(t, id);

	return is_at(t, i, id) && !is_over(t->at[i], now_ms) ? t->at[i] : NULL;
}

/* An element of an impossible length is skipped as one that is not known. */
static struct template_field fit(struct field_kind kind, uint16_t len)
{
	bool fits = len == FIELD_VARIABLE	? kind.form == FORM_BYTES
		    : kind.form == FORM_ADDRESS ? len == 4 || len == 16
		    : kind.form == FORM_NTP	? len == 8
		    : kind.form == FORM_BYTES	? len >= FIELD_PACKET_MIN
						: len <= 8;

	if (!fits)
		kind = (struct field_kind){ FIELD_NONE, FORM_SKIP };
	return (struct template_field){ kind.field, kind.form, len };
}

/* Puts one more element at the end; false when there are too many. */
static bool add(struct layout *t, struct template_field f)
{
	struct template_field *last = t->n ? &t->field[t->n - 1] : NULL;

	if (f.len == 0)
		return true;
	t->len += f.len == FIELD_VARIABLE ? 1 : f.len;
	t->variable |= f.len == FIELD_VARIABLE;
	if (f.form != FORM_SKIP)
		t->has |= 1ULL << f.field;
	if (last && last->form == FORM_SKIP && f.form == FORM_SKIP &&
	    last->len != FIELD_VARIABLE && f.len != FIELD_VARIABLE &&
	    last->len + f.len < FIELD_VARIABLE) {
		last->len = (uint16_t)(last->len + f.len);
		return true;
	}
	if (t->n == FOREIGN_FIELDS)
		return false;
	t->field[t->n++] = f;
	return true;
}

/* One element's description; the enterprise is there where the bit says so, in IPFIX. */
static struct template_field read_field(struct cur *c, bool v9, bool scope)
{
	uint16_t id = cur_u16(c), len = cur_u16(c);
	int64_t enterprise = 0;

	if (!v9 && id & ENTERPRISE) {
		id &= (uint16_t)~ENTERPRISE;
		enterprise = cur_u32(c);
	} else if (v9 && scope) {
		enterprise = FIELD_V9_SCOPE;
	}
	return fit(field_find(enterprise, id, v9), len);
}

/* False: beyond a cap.  All N are read whatever comes, so that the next template is found. */
static bool read_fields(struct layout *t, struct cur *c, bool v9, unsigned n, unsigned scopes)
{
	bool good = true;

	for (unsigned i = 0; i < n && !c->bad; i++)
		good &= add(t, read_field(c, v9, i < scopes));
	return good && t->len > 0;
}

/* Room for one more: what is over makes it, when there are as many as there may be. */
static bool make_room(struct templates *t, struct budget *b, uint64_t now_ms)
{
	unsigned oldest = 0;

	if (t->n < FOREIGN_TEMPLATES)
		return true;
	if (t->full_ms == now_ms) /* a datagram of nothing but templates asks once */
		return false;
	for (unsigned i = 1; i < t->n; i++)
		if (t->at[i]->told_ms < t->at[oldest]->told_ms)
			oldest = i;
	if (!is_over(t->at[oldest], now_ms)) {
		t->full_ms = now_ms;
		return false;
	}
	drop(t, b, oldest);
	return true;
}

static bool is_same(const struct layout *a, const struct layout *b)
{
	return a->options == b->options && a->n == b->n &&
	       memcmp(a->field, b->field, a->n * sizeof(a->field[0])) == 0;
}

static void told_again(struct layout *t, uint64_t now_ms)
{
	uint64_t since = now_ms > t->told_ms ? now_ms - t->told_ms : 0;

	if (since > t->every_ms)
		t->every_ms = since < EVERY_MAX_MS ? since : EVERY_MAX_MS;
	t->told_ms = now_ms;
}

static struct layout *copy_of(const struct layout *draft, uint64_t now_ms, uint64_t every_ms)
{
	struct layout *kept = xmalloc(size_of(draft));

	memcpy(kept, draft, size_of(draft));
	kept->told_ms = now_ms;
	kept->every_ms = every_ms;
	return kept;
}

/* The one at I is told again, perhaps otherwise. */
static enum template_told tell_again(struct templates *t, struct budget *b, unsigned i,
				     const struct layout *draft, uint64_t now_ms)
{
	struct layout *old = t->at[i];

	told_again(old, now_ms);
	if (is_same(old, draft))
		return TEMPLATE_SAME;
	if (!budget_take(b, size_of(draft))) {
		drop(t, b, i);
		return TEMPLATE_REFUSED;
	}
	budget_give(b, size_of(old));
	t->at[i] = copy_of(draft, now_ms, old->every_ms);
	free(old);
	return TEMPLATE_NEW;
}

static enum template_told put(struct templates *t, struct budget *b,
			      const struct layout *draft, uint64_t now_ms,
			      const struct layout **out)
{
	unsigned i = place(t, draft->id);
	enum template_told told = TEMPLATE_NEW;

	if (is_at(t, i, draft->id)) {
		told = tell_again(t, b, i, draft, now_ms);
	} else {
		if (!make_room(t, b, now_ms) || !budget_take(b, size_of(draft)))
			return TEMPLATE_REFUSED;
		MEM_GROW(t->at, t->n, t->cap);
		i = place(t, draft->id);
		memmove(&t->at[i + 1], &t->at[i], (t->n++ - i) * sizeof(t->at[0]));
		t->at[i] = copy_of(draft, now_ms, 0);
	}
	if (told != TEMPLATE_REFUSED)
		*out = t->at[i];
	return told;
}

/* Ids 2 and 3 stand for all templates and all options templates. */
static enum template_told withdraw(struct templates *t, struct budget *b, uint16_t id,
				   bool options)
{
	bool all = id == (options ? 3 : 2);

	for (unsigned i = t->n; i-- > 0;)
		if (all ? t->at[i]->options == options : t->at[i]->id == id)
			drop(t, b, i);
	return TEMPLATE_GONE;
}

/* The counts in a template's head: elements, and how many of them are scopes. */
static bool read_head(struct cur *c, enum template_form form, unsigned *n, unsigned *scopes)
{
	*scopes = 0;
	*n = cur_u16(c);
	if (form == TEMPLATE_V9_OPTIONS) {
		unsigned scope_bytes = *n, option_bytes = cur_u16(c);

		*scopes = scope_bytes / 4;
		*n = *scopes + option_bytes / 4;
		return scope_bytes % 4 == 0 && option_bytes % 4 == 0;
	}
	if (form == TEMPLATE_IPFIX_OPTIONS && *n) {
		*scopes = cur_u16(c);
		return *scopes > 0 && *scopes <= *n;
	}
	return true;
}

enum template_told template_learn(struct templates *t, struct budget *b,
				  enum template_form form, struct cur *c, uint64_t now_ms,
				  const struct layout **out)
{
	bool v9 = form == TEMPLATE_V9 || form == TEMPLATE_V9_OPTIONS;
	bool options = form == TEMPLATE_V9_OPTIONS || form == TEMPLATE_IPFIX_OPTIONS;
	union draft d;
	uint16_t id = cur_u16(c);
	unsigned n, scopes;
	bool good;

	if (!read_head(c, form, &n, &scopes) || c->bad)
		return TEMPLATE_BAD;
	if (!v9 && n == 0)
		return withdraw(t, b, id, options);
	if (id < ID_MIN)
		return TEMPLATE_BAD;
	d.t = (struct layout){ .id = id, .options = options };
	good = read_fields(&d.t, c, v9, n, scopes);
	if (c->bad)
		return TEMPLATE_BAD;
	return good ? put(t, b, &d.t, now_ms, out) : TEMPLATE_REFUSED;
}
