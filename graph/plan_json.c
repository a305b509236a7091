/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/plan_json.h"

#include <stdio.h>

#include "common/version.h"

unsigned plan_users(const struct plan *p, const struct plan_group *group)
{
	unsigned most = 0;

	for (unsigned i = 0; i < group->machine_n; i++)
		if (p->machine[group->machine[i]].users > most)
			most = p->machine[group->machine[i]].users;
	return most;
}

const char *plan_advice(const struct plan_group *group)
{
	return group->kind == PLAN_SHARED ? service_advice_word(service_advice(group->service))
					  : "";
}

/* Two decimals. */
static void put_share(struct json *j, const char *key, double v)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%.2f", v);

	json_key(j, key);
	json_raw(j, text, (size_t)n);
}

static void put_shared(struct json *j, const struct plan *p, const struct plan_group *group)
{
	json_member_string(j, "service", service_word(group->service));
	json_member_uint(j, "users", plan_users(p, group));
	json_member_string(j, "advice", plan_advice(group));
	json_member_string(j, "advice_text", service_advice_text(group->service));
}

void plan_json_group(struct json *j, const struct graph *g, const struct plan *p,
		     const struct plan_group *group)
{
	json_open(j, '{');
	json_member_string(j, "group", group->name);
	json_member_string(j, "kind", plan_kind_word[group->kind]);
	json_key(j, "machines");
	json_open(j, '[');
	for (unsigned i = 0; i < group->machine_n; i++)
		json_string(j, g->machine[group->machine[i]].id);
	json_close(j, ']');
	if (group->wave)
		json_member_uint(j, "wave", group->wave);
	put_share(j, "confidence", group->confidence);
	json_member_uint(j, "version", JSON_VERSION);
	if (group->kind == PLAN_SHARED)
		put_shared(j, p, group);
	json_member_string(j, "env", group->env);
	json_member_string(j, "site", group->site);
	json_member_string(j, "state", plan_state_word[group->state]);
	json_member_string(j, "owner", group->owner);
	json_member_string(j, "notes", group->notes);
	json_member_string(j, "reason", group->reason);
	json_member_bool(j, "named", group->named);
	json_member_bool(j, "accepted", group->accepted);
	json_member_bool(j, "locked", group->locked);
}
