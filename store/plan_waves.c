/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "store/db.h"
#include "store/plan.h"
#include "store/priv.h"

struct change {
	unsigned number, wave;
};

/* The rows by name, and what differs from them in the plan. */
struct changes {
	struct plan_wave_row *row;
	size_t row_n;
	struct change *change;
	size_t n, cap;
};

static int by_name(const void *pa, const void *pb)
{
	const struct plan_wave_row *a = pa, *b = pb;

	return strcmp(a->group, b->group);
}

static int compare(const struct plan_group_row *saved, void *ctx)
{
	struct changes *c = ctx;
	struct plan_wave_row like = { .group = saved->name }, *row;

	row = bsearch(&like, c->row, c->row_n, sizeof(*c->row), by_name);
	if (!row || row->wave == saved->wave)
		return 0;
	MEM_GROW(c->change, c->n, c->cap);
	c->change[c->n++] = (struct change){ saved->number, row->wave };
	return 0;
}

static int write_changes(struct store *s, int64_t plan, const struct changes *c, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < c->n && !rc; i++)
		rc = db_run(s, e,
			    "UPDATE plan_group SET wave = ? WHERE plan = ? AND number = ?",
			    DB(I(c->change[i].wave), I(plan), I(c->change[i].number)));
	return rc;
}

int plan_set_waves(struct store *s, int64_t plan, const struct plan_wave_row *row, size_t n,
		   struct err *e)
{
	struct changes c = { .row = xcalloc(n + 1, sizeof(*row)), .row_n = n };
	bool own;
	int rc = store_enter(s, &own, e);

	if (n) {
		memcpy(c.row, row, n * sizeof(*row));
		qsort(c.row, n, sizeof(*row), by_name);
	}
	if (!rc) {
		rc = query_plan_groups(s, plan, compare, &c, e);
		if (!rc)
			rc = write_changes(s, plan, &c, e);
		rc = store_leave(s, own, rc, e);
	}
	free(c.row);
	free(c.change);
	return rc;
}
