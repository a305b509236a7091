/* SPDX-License-Identifier: Apache-2.0 */
/* The hand-over document: waves, what their order breaks, and the cuts between groups. */
#include "graph/export_json.h"

static void price(struct json *j, const struct cut_price *p)
{
	handover_uint(j, "edges", p->edges);
	handover_uint(j, "hard_edges", p->hard);
	handover_uint(j, "failed_only", p->failed_only);
	handover_uint(j, "chatty_pairs", p->chatty);
	handover_uint(j, "edges_without_bytes", p->bytes_unknown);
	handover_real(j, "connections_per_day", p->connections);
	handover_real(j, "failed_per_day", p->failed);
	handover_real(j, "bytes_per_day", p->bytes);
	handover_real(j, "round_trips_per_day", p->round_trips);
	handover_real(j, "wait_seconds_per_day", p->wait);
}

static void priced(struct json *j, const char *key, const struct cut_price *p)
{
	json_key(j, key);
	if (!p) {
		json_null(j);
		return;
	}
	json_open(j, '{');
	price(j, p);
	json_close(j, '}');
}

static void groups_of(const struct export *x, struct json *j, unsigned wave)
{
	json_key(j, "groups");
	json_open(j, '[');
	for (unsigned i = 0; i < x->plan->group_n; i++)
		if (x->waves->place[i].wave == wave)
			json_string(j, x->plan->group[i].name);
	json_close(j, ']');
}

static void wave(const struct export *x, struct json *j, const struct wave *w)
{
	const struct cut_wave *c =
		x->cuts && w->number <= x->cuts->wave_n ? &x->cuts->wave[w->number] : NULL;

	json_open(j, '{');
	handover_uint(j, "number", w->number);
	handover_time(j, "cutover", w->cutover);
	handover_time(j, "replicate_from", w->replicate_from);
	groups_of(x, j, w->number);
	handover_uint(j, "machines", w->machines);
	handover_uint(j, "bytes", w->bytes);
	handover_uint(j, "bytes_unknown", w->bytes_unknown);
	json_key(j, "hours");
	if (w->hours > 0)
		handover_number(j, w->hours);
	else
		json_null(j);
	json_member_bool(j, "over", w->over);
	json_member_bool(j, "tight", w->tight);
	priced(j, "across", c ? &c->all : NULL);
	priced(j, "across_new", c ? &c->fresh : NULL);
	priced(j, "across_healed", c ? &c->healed : NULL);
	json_close(j, '}');
}

void handover_waves(const struct export *x, struct export_sink *s, struct json *j)
{
	json_open(j, '[');
	for (unsigned i = 0; x->plan && x->waves && i < x->waves->wave_n; i++) {
		wave(x, j, &x->waves->wave[i]);
		handover_next(s);
	}
	json_close(j, ']');
}

static void against(const struct export *x, struct json *j, const struct wave_against *a)
{
	json_open(j, '{');
	handover_group_name(x, j, "client", a->client);
	handover_group_name(x, j, "server", a->server);
	handover_uint(j, "client_wave", a->client_wave);
	handover_uint(j, "server_wave", a->server_wave);
	handover_uint(j, "connections", a->connections);
	json_member_bool(j, "cycle", a->cycle);
	json_close(j, '}');
}

static void cycle(const struct export *x, struct json *j, const struct wave_cycle *c)
{
	json_open(j, '{');
	json_key(j, "groups");
	json_open(j, '[');
	for (unsigned i = 0; i < c->group_n; i++)
		json_string(j, x->plan->group[c->group[i]].name);
	json_close(j, ']');
	handover_uint(j, "waves", c->waves);
	json_close(j, '}');
}

void handover_order(const struct export *x, struct export_sink *s, struct json *j)
{
	const struct waves *w = x->plan ? x->waves : NULL;

	json_open(j, '{');
	json_key(j, "against");
	json_open(j, '[');
	for (unsigned i = 0; w && i < w->against_n; i++) {
		against(x, j, &w->against[i]);
		handover_next(s);
	}
	json_close(j, ']');
	json_key(j, "cycles");
	json_open(j, '[');
	for (unsigned i = 0; w && i < w->cycle_n; i++)
		cycle(x, j, &w->cycle[i]);
	json_close(j, ']');
	json_key(j, "notes");
	json_open(j, '[');
	for (unsigned i = 0; w && i < w->note_n; i++)
		json_string(j, w->note[i]);
	json_close(j, ']');
	json_close(j, '}');
}

static void cut(const struct export *x, struct json *j, const struct cut_pair *c)
{
	json_open(j, '{');
	handover_group_name(x, j, "client", c->client);
	handover_group_name(x, j, "server", c->server);
	handover_text(j, "class", cut_class_word[c->class]);
	json_member_bool(j, "hard", cut_class_hard(c->class));
	handover_known(j, "crosses_from", export_crosses_from(c));
	handover_known(j, "crosses_until", export_crosses_until(c));
	price(j, &c->price);
	json_close(j, '}');
}

void handover_cuts(const struct export *x, struct export_sink *s, struct json *j)
{
	json_open(j, '[');
	for (unsigned i = 0; x->plan && x->cuts && i < x->cuts->pair_n; i++) {
		cut(x, j, &x->cuts->pair[i]);
		handover_next(s);
	}
	json_close(j, ']');
}
