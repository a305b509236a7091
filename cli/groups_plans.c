/* SPDX-License-Identifier: Apache-2.0 */
/* The plans that are kept. */
#include <stdlib.h>

#include "cli/groups.h"
#include "cli/list.h"
#include "cli/say.h"
#include "common/exits.h"
#include "common/version.h"

static const struct table_column plan_columns[] = {
	{ "PLAN", "plan", TABLE_COUNT },	 { "MADE", "made", TABLE_TIME },
	{ "FROM", "since", TABLE_TIME },	 { "TO", "until", TABLE_TIME },
	{ "GROUPS", "groups", TABLE_COUNT },	 { "SHARED", "shared", TABLE_COUNT },
	{ "MACHINES", "machines", TABLE_COUNT }, { "LABEL", "label", TABLE_TEXT },
};

static const struct list_kind plan_kind = {
	.command = &groups_command,
	.columns = plan_columns,
	.columns_n = sizeof(plan_columns) / sizeof(plan_columns[0]),
	.one = "plan",
	.many = "plans",
	.from = "\"skein groups\" makes one",
};

static void plan_object(struct buf *b, const struct plan_info *row)
{
	struct json j = json_to(b);

	json_open(&j, '{');
	groups_json_uint(&j, "plan", (uint64_t)row->id);
	groups_json_uint(&j, "version", JSON_VERSION);
	groups_json_uint(&j, "made", (uint64_t)row->made_ms / 1000);
	if (row->since)
		groups_json_uint(&j, "since", (uint64_t)row->since);
	if (row->until)
		groups_json_uint(&j, "until", (uint64_t)row->until);
	groups_json_uint(&j, "groups", row->groups);
	groups_json_uint(&j, "shared", row->shared);
	groups_json_uint(&j, "machines", row->machines);
	groups_json_text(&j, "label", row->label);
	json_close(&j, '}');
}

static int plan_row(const struct plan_info *row, void *ctx)
{
	struct list *l = ctx;
	struct table *t = list_table(l);

	if (!list_wants(l))
		return 0;
	if (!t) {
		plan_object(list_object(l), row);
		list_emit(l);
		return list_go_on(l);
	}
	table_number(t, (uint64_t)row->id);
	table_time(t, row->made_ms / 1000);
	table_time(t, row->since);
	table_time(t, row->until);
	table_number(t, row->groups);
	table_number(t, row->shared);
	table_number(t, row->machines);
	table_text(t, row->label);
	return list_go_on(l);
}

int groups_plans(struct groups *x)
{
	struct err e = { 0 };
	struct list l;
	int status = groups_open(x, GROUPS_STORE), rc;

	if (status != EXITS_OK)
		return status;
	list_start(&l, &plan_kind, &x->o, x->store);
	rc = query_plans(x->store, plan_row, &l, &e);
	status = list_end(&l, rc, &e);
	x->store = NULL;
	return status;
}

int groups_plan_label(struct groups *x)
{
	char *label = groups_text(x, 0);
	struct err e = { 0 };
	int64_t id;
	int status = groups_open(x, GROUPS_GRAPH), rc = 0;

	if (status == EXITS_OK && x->o.server.url && !x->dry_run) {
		say("plans are given words beside the database, not over --server");
		status = EXITS_UNREACHED;
	}
	if (status == EXITS_OK)
		rc = plan_newest(x->store, &id, &e);
	if (status == EXITS_OK && rc == 0) {
		say("no plan in %s yet; \"skein groups\" makes one", x->o.db);
		status = EXITS_NONE;
	}
	if (rc > 0 && !x->dry_run)
		rc = plan_label(x->store, id, label, &e);
	if (rc < 0) {
		say("%s", e.msg);
		status = EXITS_UNREACHED;
	}
	free(label);
	return status;
}
