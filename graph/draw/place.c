/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/draw/making.h"

static void place_stranger(struct making *mk, unsigned m)
{
	unsigned box = mk->s->box_n;
	struct scene_box *b = card_add(mk->s, SCENE_STRANGER, card_machine_id(mk, m),
				       mk->g->machine[m].name);

	b->known = false;
	b->detail = xstrdup("unmonitored");
	for (unsigned p = mk->first[m]; p < mk->first[m + 1]; p++)
		if (mk->served.process[p].shows)
			card_add_row(mk, box, p);
}

static bool many_ips(const struct making *mk, unsigned m)
{
	const char *ip = NULL;

	for (unsigned p = mk->first[m]; p < mk->first[m + 1]; p++) {
		const char *own = mk->g->process[p].ip;

		if (!mk->served.process[p].shows || !*own)
			continue;
		if (ip && strcmp(ip, own))
			return true;
		ip = own;
	}
	return false;
}

static void place_process(struct making *mk, unsigned p, int cluster, bool tell_ip)
{
	unsigned box = mk->s->box_n, m = mk->g->process[p].machine;
	char *id = card_machine_id(mk, m);
	char *own = xasprintf("p%s.%u.", id + 1, p - mk->first[m]);
	struct scene_box *b =
		card_add(mk->s, SCENE_PROCESS, card_id(own, mk->g->process[p].name, p), "");

	free(id);
	free(own);
	b->cluster = cluster;
	b->role = mk->served.process[p].role;
	card_add_row(mk, box, p);
	if (tell_ip)
		mk->s->box[box].row[0].ip = mk->g->process[p].ip;
}

/* ROLE_NONE for a machine that is several things. */
static enum role common_role(const struct making *mk, unsigned m)
{
	enum role role = ROLE_NONE;

	for (unsigned p = mk->first[m]; p < mk->first[m + 1]; p++) {
		const struct served_process *sp = &mk->served.process[p];

		if (!sp->shows || sp->role == ROLE_NONE)
			continue;
		if (role != ROLE_NONE && role != sp->role)
			return ROLE_NONE;
		role = sp->role;
	}
	return role;
}

/* Arrows inside a machine need its processes side by side. */
static void place_frame(struct making *mk, unsigned m)
{
	struct scene *s = mk->s;
	bool tell_ip = many_ips(mk, m);
	enum role role = common_role(mk, m);
	int cluster = (int)s->cluster_n;

	MEM_GROW(s->cluster, s->cluster_n, s->cluster_cap);
	s->cluster[s->cluster_n++] = (struct scene_cluster){
		.id = card_machine_id(mk, m),
		.name = xstrdup(mk->g->machine[m].name),
		.detail = card_machine_detail(mk, m, role),
		.more = card_also_listens(mk, m),
		.parent = -1,
		.role = role,
		.focus = (int)m == mk->v->focus,
		.chips = &mk->v->machine[m],
	};
	for (unsigned p = mk->first[m]; p < mk->first[m + 1]; p++)
		if (mk->served.process[p].shows)
			place_process(mk, p, cluster, tell_ip);
}

static void place_compact(struct making *mk, unsigned m)
{
	unsigned box = mk->s->box_n;
	struct scene_box *b =
		card_add(mk->s, mk->g->machine[m].known ? SCENE_COMPACT : SCENE_STRANGER,
			 card_machine_id(mk, m), mk->g->machine[m].name);

	b->known = mk->g->machine[m].known;
	b->role = mk->v->machine[m].role;
	b->detail = b->known ? card_machine_detail(mk, m, b->role) : xstrdup("unmonitored");
	b->chips = &mk->v->machine[m];
	card_new_row(b);
	for (unsigned p = mk->first[m]; p < mk->first[m + 1]; p++)
		mk->place[p] = (struct making_place){ (int)box, 0 };
}

/* Folds */

static char *fold_name(const struct making *mk, const struct fold *f)
{
	static const char *const words[][2] = {
		[FOLD_CLIENTS] = { "unmonitored clients", "client machines" },
		[FOLD_SERVERS] = { "unmonitored servers", "server machines" },
		[FOLD_IDLE] = { "addresses without connections",
				"machines without connections" },
	};
	const char *first = mk->g->machine[f->machine[0]].name;

	if (f->kind == FOLD_STACK)
		return xasprintf("%s … %s", first, mk->g->machine[f->machine[f->n - 1]].name);
	return xasprintf("%u %s", f->n, words[f->kind][f->known]);
}

static char *fold_detail(const struct making *mk, const struct fold *f)
{
	struct buf b = { 0 };

	if (f->kind == FOLD_STACK) {
		buf_printf(&b, "%u machines", f->n);
		card_part(&b, role_look[mk->v->machine[f->machine[0]].role].word);
	}
	return buf_take(&b);
}

static enum scene_kind fold_shape(const struct fold *f)
{
	switch (f->kind) {
	case FOLD_CLIENTS:
		return SCENE_CLIENTS;
	case FOLD_SERVERS:
		return SCENE_SERVERS;
	case FOLD_IDLE:
		return SCENE_IDLE;
	default:
		return SCENE_STACK;
	}
}

/* All machines of a fold serve the same ports, so those of the first are those of all. */
static void add_fold_row(struct making *mk, unsigned box, const struct fold *f)
{
	struct scene_row *row = card_new_row(&mk->s->box[box]);
	struct scene_port *port = NULL;
	unsigned n = 0, cap = 0, m = f->machine[0];

	for (unsigned p = mk->first[m]; p < mk->first[m + 1] && f->kind == FOLD_SERVERS; p++) {
		const struct served_process *sp = &mk->served.process[p];

		for (unsigned k = 0; k < sp->n; k++) {
			MEM_GROW(port, n, cap);
			port[n++] = mk->served.port[sp->first + k];
		}
		if (sp->role > row->role)
			row->role = sp->role;
	}
	if (n && !mk->s->compact) {
		qsort(port, n, sizeof(*port), card_by_number);
		card_set_ports(row, port, n, CARD_PORTS);
	}
	free(port);
}

static void place_fold(struct making *mk, const struct fold *f)
{
	static const char *const prefix[] = { "clients-", "servers-", "idle-", "stack-" };
	unsigned box = mk->s->box_n;
	char *name = fold_name(mk, f), *first = card_machine_id(mk, f->machine[0]);
	struct scene_box *b =
		card_add(mk->s, fold_shape(f), card_id(prefix[f->kind], first, box), name);

	b->detail = fold_detail(mk, f);
	b->known = f->known;
	b->machines = f->n;
	b->role = f->kind == FOLD_STACK ? mk->v->machine[f->machine[0]].role : ROLE_NONE;
	b->chips = f->kind == FOLD_STACK ? &mk->v->machine[f->machine[0]] : NULL;
	for (unsigned i = 0; i < f->n && i < SCENE_MEMBERS; i++)
		b->member[b->member_n++] = mk->g->machine[f->machine[i]].name;
	add_fold_row(mk, box, f);
	for (unsigned i = 0; i < f->n; i++)
		for (unsigned p = mk->first[f->machine[i]]; p < mk->first[f->machine[i] + 1];
		     p++)
			mk->place[p] = (struct making_place){ (int)box, 0 };
	free(name);
	free(first);
}

void place_machine(struct making *mk, unsigned m)
{
	int fold = mk->folds.of[m];

	if (!mk->v->machine[m].on)
		return;
	if (fold >= 0) {
		if (mk->folds.fold[fold].machine[0] == m)
			place_fold(mk, &mk->folds.fold[fold]);
	} else if (mk->s->compact) {
		place_compact(mk, m);
	} else if (!mk->g->machine[m].known) {
		place_stranger(mk, m);
	} else if (mk->v->machine[m].inner) {
		place_frame(mk, m);
	} else {
		card_place(mk, m);
	}
}
