/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "graph/wave_rules.h"
#include "store/plan.h"

int wave_rules_load(struct store *s, struct wave_rules *out, struct err *e)
{
	char *text = NULL;
	int rc = setting_get(s, WAVE_RULES_KEY, &text, e);

	memset(out, 0, sizeof(*out));
	if (rc > 0)
		rc = wave_rules_read(text, out, e);
	free(text);
	return rc < 0 ? rc : 0;
}

int wave_rules_save(struct store *s, const struct wave_rules *r, struct err *e)
{
	struct buf b = { 0 };
	int rc;

	wave_rules_write(r, &b);
	rc = setting_set(s, WAVE_RULES_KEY, buf_cstr(&b), e);
	buf_fini(&b);
	return rc;
}

static int keep_wave(const struct plan_group_row *row, void *ctx)
{
	struct plan *p = ctx;
	unsigned i = plan_find(p, row->name);

	if (i != PLAN_NONE && !p->group[i].wave && p->group[i].state >= PLAN_APPROVED)
		p->group[i].wave = row->wave;
	return 0;
}

int waves_refresh(struct store *s, const struct graph *g, struct plan *p, struct err *e)
{
	struct wave_rules r;
	int64_t newest;
	int rc = plan_newest(s, &newest, e);

	if (rc > 0)
		rc = query_plan_groups(s, newest, keep_wave, p, e);
	if (rc < 0 || (rc = wave_rules_load(s, &r, e)) < 0)
		return rc;
	waves_free(waves_assign(g, p, &r));
	wave_rules_fini(&r);
	return 0;
}
