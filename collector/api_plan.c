/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/api_plan.h"

#include <stdlib.h>
#include <time.h>

#include "common/mem.h"
#include "common/version.h"
#include "graph/export.h"
#include "graph/export_json.h"
#include "graph/plan_json.h"
#include "graph/saved.h"
#include "graph/wave_rules.h"
#include "store/edit.h"
#include "store/plan.h"

void api_view_free(struct api_view *v)
{
	plan_free(v->p);
	graph_free(v->g);
	*v = (struct api_view){ NULL, NULL };
}

static int take_window(const struct plan_info *row, void *ctx)
{
	struct filter *f = ctx;

	f->since = row->since;
	f->until = row->until;
	return 1;
}

int api_view_load(struct api_view *v, struct store *s, struct err *e)
{
	struct filter f = { 0 };
	int rc = query_plans(s, take_window, &f, e);

	*v = (struct api_view){ NULL, NULL };
	if (rc < 0)
		return rc;
	v->g = graph_load(s, &f, e);
	if (!v->g)
		return e->code;
	rc = saved_read(s, v->g, 0, &v->p, e);
	return rc < 0 ? rc : 0;
}

int api_groups(struct api_call *c)
{
	struct err e = { 0 };
	struct api_view v;
	int rc = 0;

	if (api_view_load(&v, c->api->store, &e) < 0) {
		rc = api_fail_err(c, &e);
	} else {
		for (unsigned i = 0; v.p && i < v.p->group_n; i++) {
			struct json j;

			api_row(c, i);
			j = json_to(&c->out);
			plan_json_group(&j, v.g, v.p, &v.p->group[i]);
			json_close(&j, '}');
		}
		api_rows_end(c, v.p ? v.p->group_n : 0);
	}
	api_view_free(&v);
	return rc;
}

int api_edit_row(const struct edit_row *row, void *ctx)
{
	struct json *j = ctx;

	json_open(j, '{');
	json_member_uint(j, "id", (uint64_t)row->id);
	json_member_uint(j, "made", (uint64_t)row->made_ms / 1000);
	json_member_string(j, "kind", row->kind);
	json_member_string(j, "machine", row->machine);
	json_member_string(j, "other", row->other);
	json_member_string(j, "name", row->name);
	json_member_uint(j, "size", row->size);
	json_close(j, '}');
	return 0;
}

int api_edits(struct api_call *c)
{
	struct json j = json_to(&c->out);
	struct err e = { 0 };
	int64_t plan = 0;
	int rc = plan_newest(c->api->store, &plan, &e);

	if (rc < 0)
		return api_fail_err(c, &e);
	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_member_uint(&j, "plan", (uint64_t)plan);
	json_key(&j, "edits");
	json_open(&j, '[');
	rc = query_edits(c->api->store, api_edit_row, &j, &e);
	json_close(&j, ']');
	json_close(&j, '}');
	buf_str(&c->out, "\n");
	return rc < 0 ? api_fail_err(c, &e) : 0;
}

/* Documents of the hand-over */

/* What the export needs of a view, worked out. */
struct work {
	struct wave_rules rules;
	struct waves *w;
	struct cuts *cuts;
	bool *everywhere;
};

static int work_out(struct work *k, const struct api_view *v, struct store *s, struct err *e)
{
	struct cut_options o;
	int rc = wave_rules_load(s, &k->rules, e);

	if (rc < 0)
		return rc;
	k->rules.today = (int64_t)time(NULL);
	k->everywhere = xcalloc(v->p->group_n + 1ul, sizeof(*k->everywhere));
	k->w = waves_assign(v->g, v->p, &k->rules);
	for (unsigned i = 0; i < v->p->group_n; i++)
		k->everywhere[i] = k->w->place[i].everywhere;
	o = (struct cut_options){ .rtt_ms = k->rules.rtt_us / 1000.0,
				  .chatty = k->rules.chatty,
				  .everywhere = k->everywhere };
	k->cuts = cut_between(v->g, v->p, &o);
	return 0;
}

static void work_free(struct work *k)
{
	cut_free(k->cuts);
	waves_free(k->w);
	free(k->everywhere);
	wave_rules_fini(&k->rules);
}

static int flow(void *ctx, const void *p, size_t n)
{
	struct api_call *c = ctx;

	buf_put(&c->out, p, n);
	return api_flow(c);
}

static void write_waves(const struct export *x, struct export_sink *s)
{
	struct json j = json_to(&s->out);

	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_key(&j, "waves");
	handover_waves(x, s, &j);
	json_key(&j, "order");
	handover_order(x, s, &j);
	json_key(&j, "cuts");
	handover_cuts(x, s, &j);
	json_close(&j, '}');
	buf_str(&s->out, "\n");
}

static int document(struct api_call *c, export_fn *write)
{
	struct export_sink sink = { .write = flow, .ctx = c };
	struct export_format f = { .write = write };
	struct work k = { .w = NULL };
	struct err e = { 0 };
	struct api_view v;
	int rc = api_view_load(&v, c->api->store, &e);

	if (rc >= 0 && v.p)
		rc = work_out(&k, &v, c->api->store, &e);
	if (rc >= 0) {
		struct ties *ties = v.p ? ties_of(v.g, v.p) : NULL;
		struct export x = {
			.graph = v.g, .plan = v.p, .waves = k.w, .cuts = k.cuts, .ties = ties
		};

		rc = export_write(&f, &x, &sink);
		ties_free(ties);
		if (rc < 0)
			err_sys(&e, rc, "the answer could not be written down");
	}
	buf_fini(&sink.out);
	work_free(&k);
	api_view_free(&v);
	return rc < 0 ? api_fail_err(c, &e) : 0;
}

int api_waves(struct api_call *c)
{
	return document(c, write_waves);
}

int api_handover(struct api_call *c)
{
	return document(c, export_json);
}
