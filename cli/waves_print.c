/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/waves_print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/number.h"
#include "common/table.h"
#include "common/when.h"
#include "common/json.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define GB 1e9

static struct table *begin_table(const struct options *o, const struct table_column *columns,
				 unsigned n)
{
	struct table_look look = { .header = !o->no_header, .style = TABLE_TABS };

	if (o->format == FORMAT_CSV) {
		look.style = TABLE_CSV;
	} else if (isatty(STDOUT_FILENO)) {
		look.style = TABLE_TERMINAL;
		look.width = table_terminal_width();
		look.color = options_color(o, stdout);
	}
	return table_new(stdout, &look, columns, n);
}

/* To the next whole number, but what there is does not become nothing. */
static uint64_t whole(double v)
{
	if (v >= 1e18)
		return (uint64_t)1e18;
	return v > 0 && v < 1 ? 1 : (uint64_t)(v + 0.5);
}

static void cell_tenths(struct table *t, double v, bool known)
{
	char text[64];

	snprintf(text, sizeof(text), "%.1f", v);
	table_text(t, known ? text : "");
}

static const char *group_name(const struct plan *p, unsigned group)
{
	return group == PLAN_NONE ? "(in no group)" : p->group[group].name;
}

static const struct table_column wave_columns[] = {
	{ "WAVE", "wave", TABLE_COUNT },
	{ "START", "cutover", TABLE_TIME },
	{ NULL, "replicate_from", TABLE_TIME },
	{ "GROUPS", "groups", TABLE_COUNT },
	{ "MACHINES", "machines", TABLE_COUNT },
	{ "GB", "gb", TABLE_COUNT },
	{ NULL, "gb_unknown_machines", TABLE_COUNT },
	{ "HOURS", "hours", TABLE_COUNT },
	{ "EDGES CUT", "edges_cut", TABLE_COUNT },
	{ NULL, "hard_edges_cut", TABLE_COUNT },
	{ NULL, "edges_newly_cut", TABLE_COUNT },
	{ NULL, "failed_only_edges", TABLE_COUNT },
	{ "CONN/DAY", "connections_per_day", TABLE_COUNT },
	{ "BYTES/DAY", "bytes_per_day", TABLE_BYTES },
	{ "CHATTY", "chatty_pairs", TABLE_COUNT },
	{ NULL, "round_trips_per_day", TABLE_COUNT },
	{ NULL, "wait_seconds_per_day", TABLE_COUNT },
};

static void wave_row(struct table *t, const struct wave *w, const struct cut_wave *c)
{
	table_number(t, w->number);
	table_time(t, w->cutover);
	table_time(t, w->replicate_from);
	table_number(t, w->groups);
	table_number(t, w->machines);
	cell_tenths(t, (double)w->bytes / GB, w->bytes > 0 || !w->bytes_unknown);
	table_number(t, w->bytes_unknown);
	cell_tenths(t, w->hours, w->hours > 0);
	table_number(t, c->all.edges);
	table_number(t, c->all.hard);
	table_number(t, c->fresh.edges);
	table_number(t, c->all.failed_only);
	table_number(t, whole(c->all.connections));
	table_number(t, whole(c->all.bytes));
	table_number(t, c->all.chatty);
	table_number(t, whole(c->all.round_trips));
	table_number(t, whole(c->all.wait));
}

/* JSON */

static void member_fixed(struct json *j, const char *key, double v)
{
	char text[64];

	json_key(j, key);
	snprintf(text, sizeof(text), "%.1f", v < 1e18 ? v : 1e18);
	json_raw(j, text, strlen(text));
}

static void member_time(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	if (v)
		json_int(j, v);
	else
		json_null(j);
}

static void member_group(struct json *j, const char *key, const struct plan *p, unsigned g)
{
	json_key(j, key);
	if (g == PLAN_NONE)
		json_null(j);
	else
		json_string(j, p->group[g].name);
}

static void price_members(struct json *j, const struct cut_price *p)
{
	json_member_uint(j, "edges", p->edges);
	json_member_uint(j, "hard_edges", p->hard);
	json_member_uint(j, "failed_only_edges", p->failed_only);
	json_member_uint(j, "chatty_pairs", p->chatty);
	json_member_uint(j, "edges_without_bytes", p->bytes_unknown);
	member_fixed(j, "connections_per_day", p->connections);
	member_fixed(j, "failed_per_day", p->failed);
	member_fixed(j, "bytes_per_day", p->bytes);
	member_fixed(j, "round_trips_per_day", p->round_trips);
	member_fixed(j, "wait_seconds_per_day", p->wait);
}

static void member_price(struct json *j, const char *key, const struct cut_price *p)
{
	json_key(j, key);
	json_open(j, '{');
	price_members(j, p);
	json_close(j, '}');
}

static void member_places(struct json *j, const struct waves_print *x, unsigned wave)
{
	json_key(j, "groups");
	json_open(j, '[');
	for (unsigned i = 0; i < x->p->group_n; i++) {
		const struct plan_group *g = &x->p->group[i];
		const struct wave_place *at = &x->w->place[i];

		if (at->wave != wave)
			continue;
		json_open(j, '{');
		json_member_string(j, "group", g->name);
		json_member_string(j, "kind", plan_kind_word[g->kind]);
		if (g->kind == PLAN_SHARED) {
			json_member_string(j, "service", service_word(g->service));
			json_member_string(j, "treatment", service_advice_word(at->advice));
		}
		json_member_string(j, "environment", g->env);
		json_member_string(j, "state", plan_state_word[g->state]);
		json_member_uint(j, "machines", g->machine_n);
		member_group(j, "waits_for", x->p, at->waits_for);
		json_member_string(j, "reason", at->reason);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void member_against(struct json *j, const struct waves_print *x, unsigned wave)
{
	json_key(j, "against");
	json_open(j, '[');
	for (unsigned i = 0; i < x->w->against_n; i++) {
		const struct wave_against *a = &x->w->against[i];

		if (a->client_wave != wave)
			continue;
		json_open(j, '{');
		member_group(j, "client", x->p, a->client);
		member_group(j, "server", x->p, a->server);
		json_member_uint(j, "server_wave", a->server_wave);
		json_member_uint(j, "connections", a->connections);
		json_member_bool(j, "circle", a->cycle);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static bool cycle_in(const struct waves_print *x, const struct wave_cycle *c, unsigned wave)
{
	for (unsigned i = 0; i < c->group_n; i++)
		if (x->w->place[c->group[i]].wave == wave)
			return true;
	return false;
}

static void member_cycles(struct json *j, const struct waves_print *x, unsigned wave)
{
	json_key(j, "circles");
	json_open(j, '[');
	for (unsigned i = 0; i < x->w->cycle_n; i++) {
		const struct wave_cycle *c = &x->w->cycle[i];

		if (!cycle_in(x, c, wave))
			continue;
		json_open(j, '{');
		json_member_uint(j, "waves", c->waves);
		json_key(j, "groups");
		json_open(j, '[');
		for (unsigned k = 0; k < c->group_n; k++)
			json_string(j, x->p->group[c->group[k]].name);
		json_close(j, ']');
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void wave_members(struct json *j, const struct waves_print *x, const struct wave *w)
{
	const struct cut_wave *c = &x->c->wave[w->number];

	json_member_uint(j, "wave", w->number);
	member_time(j, "cutover", w->cutover);
	member_time(j, "replicate_from", w->replicate_from);
	json_member_uint(j, "machines", w->machines);
	json_member_uint(j, "bytes", w->bytes);
	json_member_uint(j, "machines_without_bytes", w->bytes_unknown);
	json_key(j, "hours");
	if (w->hours > 0) {
		char text[64];

		snprintf(text, sizeof(text), "%.2f", w->hours);
		json_raw(j, text, strlen(text));
	} else {
		json_null(j);
	}
	json_member_bool(j, "over_capacity", w->over);
	json_member_bool(j, "hours_do_not_fit", w->tight);
	member_price(j, "cut", &c->all);
	member_price(j, "newly_cut", &c->fresh);
	member_price(j, "no_longer_cut", &c->healed);
	member_places(j, x, w->number);
	member_against(j, x, w->number);
}

static void put_line(struct buf *b, const char *after)
{
	buf_str(b, after);
	fwrite(b->p, 1, b->n, stdout);
	buf_reset(b);
}

static bool wanted(const struct waves_print *x, uint64_t printed)
{
	return !x->o->limit || x->o->all || printed < x->o->limit;
}

static void all_json(const struct waves_print *x)
{
	unsigned n = x->w->wave_n;

	bool lines = x->o->format == FORMAT_JSON_LINES;
	struct buf b = { 0 };

	if (!lines)
		buf_str(&b, n ? "[\n" : "[]\n");
	while (n && !wanted(x, n - 1))
		n--;
	for (unsigned i = 0; i < n; i++) {
		struct json j = json_to(&b);

		json_open(&j, '{');
		wave_members(&j, x, &x->w->wave[i]);
		json_close(&j, '}');
		put_line(&b, lines ? "\n" : i + 1 < n ? ",\n" : "\n]\n");
	}
	put_line(&b, "");
	buf_fini(&b);
}

void waves_print_all(const struct waves_print *x)
{
	struct table *t;

	if (x->o->format == FORMAT_JSON || x->o->format == FORMAT_JSON_LINES) {
		all_json(x);
		return;
	}
	t = begin_table(x->o, wave_columns, N(wave_columns));
	for (unsigned i = 0; i < x->w->wave_n && wanted(x, i); i++)
		wave_row(t, &x->w->wave[i], &x->c->wave[x->w->wave[i].number]);
	table_finish(t);
}

/* One wave */

static const struct table_column place_columns[] = {
	{ "GROUP", "group", TABLE_TEXT },
	{ "KIND", "kind", TABLE_TEXT },
	{ "STATE", "state", TABLE_TEXT },
	{ "MACHINES", "machines", TABLE_COUNT },
	{ "WHY IN THIS WAVE", "reason", TABLE_TEXT },
};

static void print_places(const struct waves_print *x, unsigned wave)
{
	struct table *t = begin_table(x->o, place_columns, N(place_columns));

	for (unsigned i = 0; i < x->p->group_n; i++) {
		const struct plan_group *g = &x->p->group[i];

		if (x->w->place[i].wave != wave)
			continue;
		table_text(t, g->name);
		table_text(t, g->kind == PLAN_SHARED ? service_word(g->service) : "group");
		table_text(t, plan_state_word[g->state]);
		table_number(t, g->machine_n);
		table_text(t, x->w->place[i].reason);
	}
	table_finish(t);
}

static const struct table_column cut_columns[] = {
	{ "CLIENT GROUP", "client_group", TABLE_TEXT },
	{ "SERVER GROUP", "server_group", TABLE_TEXT },
	{ "CLASS", "class", TABLE_TEXT },
	{ "NEW", "new", TABLE_TEXT },
	{ "TILL WAVE", "until_wave", TABLE_COUNT },
	{ "EDGES", "edges", TABLE_COUNT },
	{ "CONN/DAY", "connections_per_day", TABLE_COUNT },
	{ "BYTES/DAY", "bytes_per_day", TABLE_BYTES },
	{ "TRIPS/DAY", "round_trips_per_day", TABLE_COUNT },
	{ "WAIT S/DAY", "wait_seconds_per_day", TABLE_COUNT },
	{ "CHATTY", "chatty_pairs", TABLE_COUNT },
	{ "FAILED/DAY", "failed_per_day", TABLE_COUNT },
	{ NULL, "hard", TABLE_TEXT },
	{ NULL, "failed_only_edges", TABLE_COUNT },
};

static void cut_row(struct table *t, const struct plan *p, const struct cut_pair *c,
		    unsigned wave)
{
	table_text(t, group_name(p, c->client));
	table_text(t, group_name(p, c->server));
	table_text(t, cut_class_word[c->class]);
	table_text(t, c->from == wave ? "yes" : "no");
	if (c->until == PLAN_NONE)
		table_unknown(t);
	else
		table_number(t, c->until);
	table_number(t, c->price.edges);
	table_number(t, whole(c->price.connections));
	table_number(t, whole(c->price.bytes));
	table_number(t, whole(c->price.round_trips));
	table_number(t, whole(c->price.wait));
	table_number(t, c->price.chatty);
	table_number(t, whole(c->price.failed));
	table_text(t, cut_class_hard(c->class) ? "yes" : "no");
	table_number(t, c->price.failed_only);
}

static void print_cuts(const struct waves_print *x, unsigned wave)
{
	struct table *t = begin_table(x->o, cut_columns, N(cut_columns));
	unsigned n, *at = cut_strongest(x->c, wave, &n);

	for (unsigned i = 0; i < n && wanted(x, i); i++)
		cut_row(t, x->p, &x->c->pair[at[i]], wave);
	table_finish(t);
	free(at);
}

static void member_cuts(struct json *j, const struct waves_print *x, unsigned wave)
{
	unsigned n, *at = cut_strongest(x->c, wave, &n);

	json_key(j, "cuts");
	json_open(j, '[');
	for (unsigned i = 0; i < n; i++) {
		const struct cut_pair *c = &x->c->pair[at[i]];

		json_open(j, '{');
		member_group(j, "client", x->p, c->client);
		member_group(j, "server", x->p, c->server);
		json_member_string(j, "class", cut_class_word[c->class]);
		json_member_bool(j, "hard", cut_class_hard(c->class));
		json_member_bool(j, "new", c->from == wave);
		json_key(j, "until_wave");
		if (c->until == PLAN_NONE)
			json_null(j);
		else
			json_uint(j, c->until);
		price_members(j, &c->price);
		json_close(j, '}');
	}
	json_close(j, ']');
	free(at);
}

static void one_json(const struct waves_print *x, const struct wave *wave)
{
	struct buf b = { 0 };
	struct json j = json_to(&b);

	json_open(&j, '{');
	wave_members(&j, x, wave);
	member_cycles(&j, x, wave->number);
	member_cuts(&j, x, wave->number);
	json_close(&j, '}');
	put_line(&b, "\n");
	buf_fini(&b);
}

static void print_summary(const struct waves_print *x, const struct wave *w)
{
	const struct cut_price *c = &x->c->wave[w->number].all;
	char when[WHEN_TEXT], conns[NUMBER_TEXT], wait[NUMBER_TEXT];

	printf("Wave %u%s%s: %u group%s, %u machine%s", w->number, w->cutover ? " on " : "",
	       when_text(w->cutover, when), w->groups, number_plural(w->groups), w->machines,
	       number_plural(w->machines));
	if (w->hours > 0)
		printf(", %.1f hours to replicate", w->hours);
	printf("\nOnce it has moved %" PRIu64 " edge%s (%" PRIu64 " hard) lie over the link: "
	       "%s connections a day, %" PRIu64 " chatty pair%s, %s s of waiting a day\n\n",
	       c->edges, number_plural(c->edges), c->hard,
	       number_text(whole(c->connections), conns), c->chatty, number_plural(c->chatty),
	       number_text(whole(c->wait), wait));
}

void waves_print_one(const struct waves_print *x, const struct wave *wave)
{
	if (x->o->format == FORMAT_JSON || x->o->format == FORMAT_JSON_LINES) {
		one_json(x, wave);
		return;
	}
	if (x->o->format != FORMAT_CSV) {
		print_summary(x, wave);
		print_places(x, wave->number);
		printf("\n");
	}
	print_cuts(x, wave->number);
}

/* Firewall rules */

static const struct table_column rule_columns[] = {
	{ "FROM WAVE", "from_wave", TABLE_COUNT },
	{ "TILL WAVE", "until_wave", TABLE_COUNT },
	{ "CLIENT GROUP", "client_group", TABLE_TEXT },
	{ "SERVER GROUP", "server_group", TABLE_TEXT },
	{ "CLIENT", "client", TABLE_TEXT },
	{ "SERVER", "server", TABLE_TEXT },
	{ "SOURCE", "source", TABLE_TEXT },
	{ "DESTINATION", "destination", TABLE_TEXT },
	{ "PROTOCOL", "protocol", TABLE_TEXT },
	{ "PORT", "port", TABLE_TEXT },
	{ "CONNECTIONS", "connections", TABLE_COUNT },
	{ "LAST SEEN", "last", TABLE_TIME },
};

static void rule_row(struct table *t, const struct waves_print *x,
		     const struct firewall_rule *r)
{
	char text[ADDR_TEXT], port[16];

	table_number(t, r->from);
	if (r->until == PLAN_NONE)
		table_unknown(t);
	else
		table_number(t, r->until);
	table_text(t, group_name(x->p, r->client));
	table_text(t, group_name(x->p, r->server));
	table_text(t, x->g->machine[r->client_machine].name);
	table_text(t, x->g->machine[r->server_machine].name);
	table_text(t, addr_text(&r->source, text));
	table_text(t, addr_text(&r->destination, text));
	table_text(t, r->proto == PROTO_UDP ? "udp" : "tcp");
	snprintf(port, sizeof(port), r->port == r->port_to ? "%u" : "%u-%u", r->port,
		 r->port_to);
	table_text(t, port);
	table_number(t, r->connections);
	table_time(t, r->last);
}

void waves_print_firewall(const struct waves_print *x, const struct firewall *f)
{
	struct options csv = *x->o;
	struct table *t;

	csv.format = FORMAT_CSV;
	t = begin_table(&csv, rule_columns, N(rule_columns));
	for (size_t i = 0; i < f->rule_n && wanted(x, i); i++)
		rule_row(t, x, &f->rule[i]);
	table_finish(t);
}
