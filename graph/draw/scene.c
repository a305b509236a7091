/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First every process gets its place: a row of a box.  Then every edge of the view becomes an
 * arrow between two places, or one with others that have the same places.
 */
#include "graph/draw/scene.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/buf.h"
#include "common/mem.h"
#include "graph/draw/fold.h"
#include "graph/draw/served.h"
#include "graph/draw/words.h"

enum {
	ROW_PORTS = 6, /* more chips than that become a number */
	COMPACT_PORTS = 4,
	LISTEN_ROWS = 12, /* of a machine that nobody has called yet */
	LISTEN_WORDS = 3,
	HEADER_IPS = 2,
};

struct place {
	int box, row; /* box -1: not in the picture */
};

struct link_key {
	int from, from_row, to, to_row, port, proto;
};
struct link_index {
	struct link_key key;
	unsigned link;
	UT_hash_handle hh;
};

struct making {
	struct scene *s;
	const struct view *v;
	const struct graph *g;
	struct served served;
	struct folds folds;
	struct place *place; /* by process */
	unsigned *first;     /* by machine, of its processes; one more at the end */
	struct link_index *links;
};

/* Boxes */

static char *id_of(const char *prefix, const char *text, unsigned index)
{
	struct buf b = { 0 };

	words_id(&b, prefix, text);
	if (b.n > 80) {
		b.n = 80;
		buf_printf(&b, ".%u", index);
	}
	return buf_take(&b);
}

static char *machine_id(const struct making *mk, unsigned m)
{
	const struct graph_machine *machine = &mk->g->machine[m];

	if (machine->known)
		return id_of("m-", machine->id, m);
	return id_of("a-", machine->name, m);
}

static struct scene_box *add_box(struct scene *s, enum scene_kind kind, char *id,
				 const char *name)
{
	MEM_GROW(s->box, s->box_n, s->box_cap);
	s->box[s->box_n] = (struct scene_box){
		.kind = kind,
		.id = id,
		.name = xstrdup(name),
		.detail = NULL,
		.cluster = -1,
		.machines = 1,
		.known = true,
	};
	return &s->box[s->box_n++];
}

static void part(struct buf *b, const char *word)
{
	if (!*word)
		return;
	if (b->n)
		buf_str(b, " · ");
	buf_str(b, word);
}

/* "Debian GNU/Linux 12 (bookworm)" without the name in brackets. */
static void part_os(struct buf *b, const char *os)
{
	char *text = xstrdup(os), *bracket = strstr(text, " (");

	if (bracket)
		*bracket = 0;
	part(b, text);
	free(text);
}

static void part_ips(struct buf *b, const struct graph_machine *m)
{
	for (unsigned i = 0; i < m->ips_n && i < HEADER_IPS; i++)
		part(b, m->ips[i]);
	if (m->ips_n > HEADER_IPS)
		buf_printf(b, " +%u", m->ips_n - HEADER_IPS);
}

static char *machine_detail(const struct making *mk, unsigned m, enum role role)
{
	const struct graph_machine *machine = &mk->g->machine[m];
	struct buf b = { 0 };

	part(&b, role_look[role].word);
	part_os(&b, machine->os);
	if (!mk->s->compact)
		part_ips(&b, machine);
	if (machine->known && !machine->sensor)
		part(&b, "no sensor");
	return buf_take(&b);
}

/* Rows */

static int by_weight(const void *pa, const void *pb)
{
	const struct scene_port *a = pa, *b = pb;

	if (a->used != b->used)
		return b->used - a->used;
	if (a->opens != b->opens)
		return a->opens < b->opens ? 1 : -1;
	return (int)a->port - (int)b->port;
}

static int by_number(const void *pa, const void *pb)
{
	const struct scene_port *a = pa, *b = pb;

	if (a->port != b->port)
		return (int)a->port - (int)b->port;
	return (int)a->proto - (int)b->proto;
}

/* The MAX that matter most, again by number. */
static void set_ports(struct scene_row *row, const struct scene_port *port, unsigned n,
		      unsigned max)
{
	row->port = xcalloc(n, sizeof(*port));
	memcpy(row->port, port, n * sizeof(*port));
	row->port_n = n;
	if (n > max) {
		qsort(row->port, n, sizeof(*port), by_weight);
		row->port_n = max - 1;
		row->port_more = n - row->port_n;
		qsort(row->port, row->port_n, sizeof(*port), by_number);
	}
}

static struct scene_row *new_row(struct scene_box *box)
{
	MEM_GROW(box->row, box->row_n, box->row_cap);
	memset(&box->row[box->row_n], 0, sizeof(*box->row));
	box->row[box->row_n].name = box->row[box->row_n].ip = box->row[box->row_n].container =
		"";
	return &box->row[box->row_n++];
}

static void add_row(struct making *mk, unsigned box, unsigned process)
{
	const struct graph_process *p = &mk->g->process[process];
	const struct served_process *sp = &mk->served.process[process];
	struct scene_box *b = &mk->s->box[box];
	struct scene_row *row = new_row(b);

	row->name = p->name;
	row->container = p->container;
	row->role = sp->role;
	if (mk->v->focus < 0 || (unsigned)mk->v->focus == p->machine)
		row->clients =
			sp->clients; /* of a neighbour this picture does not know them all */
	row->shared_clients = mk->v->shared_clients[process];
	row->opens = sp->opens;
	row->self = sp->self;
	row->calls = sp->calls;
	if (sp->n)
		set_ports(row, mk->served.port + sp->first, sp->n, ROW_PORTS);
	mk->place[process] = (struct place){ (int)box, (int)b->row_n - 1 };
}

static bool listens_only(const struct making *mk, unsigned process)
{
	return !mk->served.process[process].shows && mk->served.process[process].n;
}

/* "also listens: sshd :22 · rpcbind :111 · 3 more" */
static char *also_listens(const struct making *mk, unsigned m)
{
	struct buf b = { 0 };
	unsigned n = 0;

	for (unsigned p = mk->first[m]; p < mk->first[m + 1]; p++) {
		const struct served_process *sp = &mk->served.process[p];
		const char *name = mk->g->process[p].name;

		if (!listens_only(mk, p) || n++ >= LISTEN_WORDS)
			continue;
		buf_str(&b, n == 1 ? "also listens: " : " · ");
		buf_printf(&b, "%.*s ", 20, *name ? name : "?");
		words_port(&b, mk->served.port[sp->first].port,
			   mk->served.port[sp->first].proto);
		if (sp->n > 1)
			buf_printf(&b, " +%u", sp->n - 1);
	}
	if (n > LISTEN_WORDS)
		buf_printf(&b, " · %u more", n - LISTEN_WORDS);
	return buf_take(&b);
}

/* What serves stands above what only calls, so that arrows meet the upper part of a card. */
static void add_shown_rows(struct making *mk, unsigned m, unsigned box)
{
	for (int serving = 1; serving >= 0; serving--)
		for (unsigned p = mk->first[m]; p < mk->first[m + 1]; p++)
			if (mk->served.process[p].shows &&
			    !!mk->served.process[p].n == serving)
				add_row(mk, box, p);
}

static void add_listening_rows(struct making *mk, unsigned m, unsigned box)
{
	unsigned n = 0;

	for (unsigned p = mk->first[m]; p < mk->first[m + 1]; p++)
		if (listens_only(mk, p) && n++ < LISTEN_ROWS)
			add_row(mk, box, p);
	if (n > LISTEN_ROWS) {
		free(mk->s->box[box].more);
		mk->s->box[box].more =
			xasprintf("and %u more processes that listen", n - LISTEN_ROWS);
	}
}

static void place_card(struct making *mk, unsigned m)
{
	unsigned box = mk->s->box_n;
	struct scene_box *b =
		add_box(mk->s, SCENE_MACHINE, machine_id(mk, m), mk->g->machine[m].name);

	b->role = mk->v->machine[m].role;
	b->detail = machine_detail(mk, m, b->role);
	b->focus = (int)m == mk->v->focus;
	b->chips = &mk->v->machine[m];
	add_shown_rows(mk, m, box);
	if (mk->s->box[box].row_n)
		mk->s->box[box].more = also_listens(mk, m);
	else
		add_listening_rows(mk, m, box);
}

static void place_stranger(struct making *mk, unsigned m)
{
	unsigned box = mk->s->box_n;
	struct scene_box *b =
		add_box(mk->s, SCENE_STRANGER, machine_id(mk, m), mk->g->machine[m].name);

	b->known = false;
	b->detail = xstrdup("unmonitored");
	for (unsigned p = mk->first[m]; p < mk->first[m + 1]; p++)
		if (mk->served.process[p].shows)
			add_row(mk, box, p);
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
	char *id = machine_id(mk, m);
	char *own = xasprintf("p%s.%u.", id + 1, p - mk->first[m]);
	struct scene_box *b =
		add_box(mk->s, SCENE_PROCESS, id_of(own, mk->g->process[p].name, p), "");

	free(id);
	free(own);
	b->cluster = cluster;
	b->role = mk->served.process[p].role;
	add_row(mk, box, p);
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
		.id = machine_id(mk, m),
		.name = xstrdup(mk->g->machine[m].name),
		.detail = machine_detail(mk, m, role),
		.more = also_listens(mk, m),
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
		add_box(mk->s, mk->g->machine[m].known ? SCENE_COMPACT : SCENE_STRANGER,
			machine_id(mk, m), mk->g->machine[m].name);

	b->known = mk->g->machine[m].known;
	b->role = mk->v->machine[m].role;
	b->detail = b->known ? machine_detail(mk, m, b->role) : xstrdup("unmonitored");
	b->chips = &mk->v->machine[m];
	new_row(b);
	for (unsigned p = mk->first[m]; p < mk->first[m + 1]; p++)
		mk->place[p] = (struct place){ (int)box, 0 };
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
		part(&b, role_look[mk->v->machine[f->machine[0]].role].word);
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
	struct scene_row *row = new_row(&mk->s->box[box]);
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
		qsort(port, n, sizeof(*port), by_number);
		set_ports(row, port, n, ROW_PORTS);
	}
	free(port);
}

static void place_fold(struct making *mk, const struct fold *f)
{
	static const char *const prefix[] = { "clients-", "servers-", "idle-", "stack-" };
	unsigned box = mk->s->box_n;
	char *name = fold_name(mk, f), *first = machine_id(mk, f->machine[0]);
	struct scene_box *b =
		add_box(mk->s, fold_shape(f), id_of(prefix[f->kind], first, box), name);

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
			mk->place[p] = (struct place){ (int)box, 0 };
	free(name);
	free(first);
}

static void place_machine(struct making *mk, unsigned m)
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
		place_card(mk, m);
	}
}

/* Arrows */

static bool one_sided(const struct making *mk, const struct graph_edge *e)
{
	const struct graph_machine *c = &mk->g->machine[mk->g->process[e->client].machine];
	const struct graph_machine *s = &mk->g->machine[mk->g->process[e->server].machine];
	unsigned both = 1u << WITNESS_CLIENT | 1u << WITNESS_SERVER;
	unsigned seen = e->witnesses & both;

	return c != s && c->sensor && s->sensor && seen && seen != both;
}

static struct scene_link *find_link(struct making *mk, const struct link_key *key)
{
	struct scene *s = mk->s;
	struct link_index *found;

	HASH_FIND(hh, mk->links, key, sizeof(*key), found);
	if (found)
		return &s->link[found->link];
	found = xcalloc(1, sizeof(*found));
	found->key = *key;
	found->link = s->link_n;
	HASH_ADD(hh, mk->links, key, sizeof(found->key), found);
	MEM_GROW(s->link, s->link_n, s->link_cap);
	s->link[s->link_n] = (struct scene_link){
		.from = (unsigned)key->from,
		.to = (unsigned)key->to,
		.from_row = key->from_row,
		.to_row = key->to_row,
		.c.has_bytes = true,
	};
	return &s->link[s->link_n++];
}

static void add_port(struct scene_link *l, const struct graph_edge *e)
{
	struct scene_port new = { e->port, e->proto, e->c.opens, true, view_edge_failed(e) };
	unsigned at = 0;

	while (at < l->port_n && by_number(&l->port[at], &new) < 0)
		at++;
	if (at < l->port_n && !by_number(&l->port[at], &new)) {
		l->port[at].opens += new.opens;
		l->port[at].dead &= new.dead;
		return;
	}
	MEM_GROW(l->port, l->port_n, l->port_cap);
	memmove(&l->port[at + 1], &l->port[at], (l->port_n - at) * sizeof(new));
	l->port[at] = new;
	l->port_n++;
}

static void add_edge(struct making *mk, const struct graph_edge *e)
{
	struct place from = mk->place[e->client], to = mk->place[e->server];
	struct link_key key = { from.box, from.row, to.box, to.row, e->port, e->proto };
	struct scene_link *l;

	if (from.box < 0 || to.box < 0)
		return;
	if (from.box == to.box && from.row == to.row) {
		if (e->client != e->server)
			mk->s->box[to.box].row[to.row].self += e->c.opens + e->live;
		return;
	}
	if (mk->s->compact)
		key.port = key.proto = 0;
	l = find_link(mk, &key);
	add_port(l, e);
	graph_add_counters(&l->c, &e->c);
	l->live += e->live;
	l->pending += e->pending;
	if (e->first && (!l->first || e->first < l->first))
		l->first = e->first;
	if (e->last > l->last)
		l->last = e->last;
	l->edges++;
	l->one_sided += one_sided(mk, e);
}

/* A compact box shows the ports of the arrows that end at it. */
static void collect_ports(struct making *mk)
{
	struct scene *s = mk->s;
	struct scene_link *all = xcalloc(s->box_n, sizeof(*all));

	for (unsigned i = 0; i < mk->g->edge_n; i++) {
		const struct graph_edge *e = &mk->g->edge[i];
		struct place from = mk->place[e->client], to = mk->place[e->server];

		if (mk->v->edge[i] == VIEW_OFF || to.box < 0 || from.box == to.box)
			continue;
		add_port(&all[to.box], e);
	}
	for (unsigned i = 0; i < s->box_n; i++) {
		if (all[i].port_n)
			set_ports(&s->box[i].row[0], all[i].port, all[i].port_n,
				  COMPACT_PORTS);
		s->box[i].row[0].role = s->box[i].role;
		free(all[i].port);
	}
	free(all);
}

static void index_processes(struct making *mk)
{
	unsigned p = 0;

	mk->first = xcalloc((size_t)mk->g->machine_n + 1, sizeof(*mk->first));
	for (unsigned m = 0; m < mk->g->machine_n; m++) {
		mk->first[m] = p;
		while (p < mk->g->process_n && mk->g->process[p].machine == m)
			p++;
	}
	mk->first[mk->g->machine_n] = p;
	mk->place = xcalloc(mk->g->process_n, sizeof(*mk->place));
	for (p = 0; p < mk->g->process_n; p++)
		mk->place[p].box = -1;
}

static void fill_texts(struct scene *s)
{
	for (unsigned i = 0; i < s->box_n; i++) {
		if (!s->box[i].detail)
			s->box[i].detail = xstrdup("");
		if (!s->box[i].more)
			s->box[i].more = xstrdup("");
	}
}

static void make(struct making *mk)
{
	struct link_index *l, *next;

	served_init(&mk->served, mk->v);
	fold_find(&mk->folds, mk->v, mk->s->stacks);
	index_processes(mk);
	for (unsigned m = 0; m < mk->g->machine_n; m++)
		place_machine(mk, m);
	for (unsigned i = 0; i < mk->g->edge_n; i++)
		if (mk->v->edge[i] == VIEW_ARROW)
			add_edge(mk, &mk->g->edge[i]);
	if (mk->s->compact)
		collect_ports(mk);
	fill_texts(mk->s);
	HASH_ITER (hh, mk->links, l, next) {
		HASH_DEL(mk->links, l);
		free(l);
	}
	free(mk->first);
	free(mk->place);
	fold_fini(&mk->folds);
	served_fini(&mk->served);
}

struct scene *scene_new(const struct view *v, bool compact, bool stacks)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	struct making mk = { .s = s, .v = v, .g = v->g };

	s->v = v;
	s->compact = compact;
	s->stacks = stacks;
	make(&mk);
	return s;
}

static void free_box(struct scene_box *b)
{
	for (unsigned i = 0; i < b->row_n; i++)
		free(b->row[i].port);
	free(b->row);
	free(b->id);
	free(b->name);
	free(b->detail);
	free(b->more);
}

void scene_free(struct scene *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->box_n; i++)
		free_box(&s->box[i]);
	for (unsigned i = 0; i < s->cluster_n; i++) {
		free(s->cluster[i].id);
		free(s->cluster[i].name);
		free(s->cluster[i].detail);
		free(s->cluster[i].more);
	}
	for (unsigned i = 0; i < s->link_n; i++)
		free(s->link[i].port);
	free(s->box);
	free(s->cluster);
	free(s->link);
	free(s);
}

enum scene_state scene_link_state(const struct scene_link *l)
{
	if (!l->live && !l->c.opens)
		return l->pending || l->c.abandoned ? SCENE_WAITING : SCENE_FINE;
	if (!l->live && counters_failed(&l->c) >= l->c.opens)
		return SCENE_FAILED;
	return l->one_sided == l->edges ? SCENE_ONE_SIDED : SCENE_FINE;
}

/* Keeping the top */

struct rank {
	unsigned index;
	uint64_t weight;
};

static int by_rank(const void *pa, const void *pb)
{
	const struct rank *a = pa, *b = pb;

	if (a->weight != b->weight)
		return a->weight < b->weight ? 1 : -1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* KEEP[i] for the N of highest weight among TOTAL. */
static void choose(struct rank *rank, unsigned total, unsigned n, bool *keep)
{
	qsort(rank, total, sizeof(*rank), by_rank);
	for (unsigned i = 0; i < total; i++)
		keep[rank[i].index] = i < n;
}

static void drop_links(struct scene *s, const bool *keep)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->link_n; i++) {
		if (keep[i]) {
			s->link[n++] = s->link[i];
			continue;
		}
		s->hidden_links += s->link[i].edges;
		free(s->link[i].port);
	}
	s->link_n = n;
}

static void drop_boxes(struct scene *s, const bool *keep)
{
	unsigned *to = xcalloc(s->box_n, sizeof(*to)), n = 0;
	bool *keep_link = xcalloc(s->link_n, sizeof(*keep_link));

	for (unsigned i = 0; i < s->link_n; i++)
		keep_link[i] = keep[s->link[i].from] && keep[s->link[i].to];
	drop_links(s, keep_link);
	for (unsigned i = 0; i < s->box_n; i++) {
		to[i] = n;
		if (keep[i]) {
			s->box[n++] = s->box[i];
			continue;
		}
		s->hidden_machines += s->box[i].machines;
		free_box(&s->box[i]);
	}
	s->box_n = n;
	for (unsigned i = 0; i < s->link_n; i++) {
		s->link[i].from = to[s->link[i].from];
		s->link[i].to = to[s->link[i].to];
	}
	free(to);
	free(keep_link);
}

void scene_keep(struct scene *s, unsigned boxes, unsigned links)
{
	unsigned most = s->box_n > s->link_n ? s->box_n : s->link_n;
	struct rank *rank = xcalloc(most, sizeof(*rank));
	bool *keep = xcalloc(most, sizeof(*keep));

	for (unsigned i = 0; i < s->box_n; i++)
		rank[i].index = i;
	for (unsigned i = 0; i < s->link_n; i++) {
		rank[s->link[i].from].weight++;
		rank[s->link[i].to].weight++;
	}
	if (s->box_n > boxes) {
		choose(rank, s->box_n, boxes, keep);
		drop_boxes(s, keep);
	}
	for (unsigned i = 0; i < s->link_n; i++)
		rank[i] = (struct rank){ i, s->link[i].c.opens + s->link[i].live };
	if (s->link_n > links) {
		choose(rank, s->link_n, links, keep);
		drop_links(s, keep);
	}
	free(rank);
	free(keep);
}
