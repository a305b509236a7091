/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "graph/draw/making.h"
#include "graph/draw/words.h"

enum {
	LISTEN_ROWS = 12, /* of a machine that nobody has called yet */
	LISTEN_WORDS = 3,
	HEADER_IPS = 2,
};

char *card_id(const char *prefix, const char *text, unsigned index)
{
	struct buf b = { 0 };

	words_id(&b, prefix, text);
	if (b.n > 80) {
		b.n = 80;
		buf_printf(&b, ".%u", index);
	}
	return buf_take(&b);
}

char *card_machine_id(const struct making *mk, unsigned m)
{
	const struct graph_machine *machine = &mk->g->machine[m];

	if (machine->known)
		return card_id("m-", machine->id, m);
	return card_id("a-", machine->name, m);
}

struct scene_box *card_add(struct scene *s, enum scene_kind kind, char *id, const char *name)
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

void card_part(struct buf *b, const char *word)
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
	card_part(b, text);
	free(text);
}

static void part_ips(struct buf *b, const struct graph_machine *m)
{
	for (unsigned i = 0; i < m->ips_n && i < HEADER_IPS; i++)
		card_part(b, m->ips[i]);
	if (m->ips_n > HEADER_IPS)
		buf_printf(b, " +%u", m->ips_n - HEADER_IPS);
}

char *card_machine_detail(const struct making *mk, unsigned m, enum role role)
{
	const struct graph_machine *machine = &mk->g->machine[m];
	struct buf b = { 0 };

	card_part(&b, role_look[role].word);
	part_os(&b, machine->os);
	if (!mk->s->compact)
		part_ips(&b, machine);
	if (machine->known && !machine->sensor)
		card_part(&b, "no sensor");
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

int card_by_number(const void *pa, const void *pb)
{
	const struct scene_port *a = pa, *b = pb;

	if (a->port != b->port)
		return (int)a->port - (int)b->port;
	return (int)a->proto - (int)b->proto;
}

/* The MAX that matter most, again by number. */
void card_set_ports(struct scene_row *row, const struct scene_port *port, unsigned n,
		    unsigned max)
{
	row->port = xcalloc(n, sizeof(*port));
	memcpy(row->port, port, n * sizeof(*port));
	row->port_n = n;
	if (n > max) {
		qsort(row->port, n, sizeof(*port), by_weight);
		row->port_n = max - 1;
		row->port_more = n - row->port_n;
		qsort(row->port, row->port_n, sizeof(*port), card_by_number);
	}
}

struct scene_row *card_new_row(struct scene_box *box)
{
	MEM_GROW(box->row, box->row_n, box->row_cap);
	memset(&box->row[box->row_n], 0, sizeof(*box->row));
	box->row[box->row_n].name = box->row[box->row_n].ip = box->row[box->row_n].container =
		"";
	return &box->row[box->row_n++];
}

void card_add_row(struct making *mk, unsigned box, unsigned process)
{
	const struct graph_process *p = &mk->g->process[process];
	const struct served_process *sp = &mk->served.process[process];
	struct scene_box *b = &mk->s->box[box];
	struct scene_row *row = card_new_row(b);

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
		card_set_ports(row, mk->served.port + sp->first, sp->n, CARD_PORTS);
	mk->place[process] = (struct making_place){ (int)box, (int)b->row_n - 1 };
}

static bool listens_only(const struct making *mk, unsigned process)
{
	return !mk->served.process[process].shows && mk->served.process[process].n;
}

/* "also listens: sshd :22 · rpcbind :111 · 3 more" */
char *card_also_listens(const struct making *mk, unsigned m)
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
				card_add_row(mk, box, p);
}

static void add_listening_rows(struct making *mk, unsigned m, unsigned box)
{
	unsigned n = 0;

	for (unsigned p = mk->first[m]; p < mk->first[m + 1]; p++)
		if (listens_only(mk, p) && n++ < LISTEN_ROWS)
			card_add_row(mk, box, p);
	if (n > LISTEN_ROWS) {
		free(mk->s->box[box].more);
		mk->s->box[box].more =
			xasprintf("and %u more processes that listen", n - LISTEN_ROWS);
	}
}

void card_place(struct making *mk, unsigned m)
{
	unsigned box = mk->s->box_n;
	struct scene_box *b =
		card_add(mk->s, SCENE_MACHINE, card_machine_id(mk, m), mk->g->machine[m].name);

	b->role = mk->v->machine[m].role;
	b->detail = card_machine_detail(mk, m, b->role);
	b->focus = (int)m == mk->v->focus;
	b->chips = &mk->v->machine[m];
	add_shown_rows(mk, m, box);
	if (mk->s->box[box].row_n)
		mk->s->box[box].more = card_also_listens(mk, m);
	else
		add_listening_rows(mk, m, box);
}
