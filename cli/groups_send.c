/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/groups.h"

static void put_edit(struct json *j, const struct edit_row *row)
{
	json_member_string(j, "what", "edit");
	json_member_string(j, "kind", row->kind);
	json_member_string(j, "machine", row->machine);
	json_member_string(j, "other", row->other);
	json_member_string(j, "name", row->name);
	json_member_uint(j, "size", row->size);
}

static void put_label(struct json *j, const struct group_label_row *row)
{
	json_member_string(j, "what", "label");
	json_member_string(j, "group", row->name);
	json_member_string(j, "state", row->state);
	json_member_string(j, "owner", row->owner);
	json_member_string(j, "notes", row->notes);
	json_member_bool(j, "accepted", row->accepted);
	json_member_bool(j, "locked", row->locked);
}

static void put_change(struct json *j, const struct revise_change *c)
{
	json_open(j, '{');
	switch (c->what) {
	case REVISE_EDIT:
		put_edit(j, &c->edit);
		break;
	case REVISE_UNDO:
		json_member_string(j, "what", "undo");
		json_member_uint(j, "id", (uint64_t)c->edit.id);
		break;
	case REVISE_RENAME:
		json_member_string(j, "what", "rename");
		json_member_string(j, "from", c->from);
		json_member_string(j, "to", c->to);
		break;
	case REVISE_LABEL:
		put_label(j, &c->label);
		break;
	}
	json_close(j, '}');
}

static void put_run(struct json *j, const struct revise_run *run)
{
	if (!revise_given(run))
		return;
	json_key(j, "run");
	json_open(j, '{');
	json_member_uint(j, "size", run->size);
	json_member_bool(j, "sites_apart", run->sites_apart);
	json_member_bool(j, "envs_mixed", run->envs_mixed);
	json_member_bool(j, "no_names", run->no_names);
	json_member_bool(j, "no_tags", run->no_tags);
	json_member_bool(j, "no_subnets", run->no_subnets);
	json_close(j, '}');
}

int groups_send(const struct groups *x, const struct revise_change *change, size_t n,
		struct err *e)
{
	struct buf body = { 0 };
	struct json j = json_to(&body);
	int rc;

	json_open(&j, '{');
	json_member_uint(&j, "plan", x->saved ? (uint64_t)x->saved->id : 0);
	put_run(&j, &x->run);
	if (n) {
		json_key(&j, "changes");
		json_open(&j, '[');
		for (size_t i = 0; i < n; i++)
			put_change(&j, &change[i]);
		json_close(&j, ']');
	}
	json_close(&j, '}');
	groups_progress("sending");
	rc = server_post(&x->o.server, n ? "/api/v1/edits" : "/api/v1/groups", &body, e);
	buf_fini(&body);
	return rc;
}
