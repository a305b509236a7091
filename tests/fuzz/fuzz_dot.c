/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names from strangers into pictures: strings of the input, ended by NUL, name machines and
 * processes; what is drawn must parse again and have as many nodes and edges as it should.
 */
#include <stdlib.h>
#include <string.h>

#include <graphviz/cgraph.h>

#include "common/mem.h"
#include "graph/draw/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STRINGS = 12 };

static void check(bool good)
{
	if (!good)
		abort();
}

static void split(const uint8_t *data, size_t size, char **string)
{
	for (unsigned i = 0; i < STRINGS; i++) {
		size_t n = strnlen((const char *)data, size);

		string[i] = xstrndup((const char *)data, n);
		n += n < size;
		data += n;
		size -= n;
	}
}

static struct graph_machine machine_of(char *id, char *name, char *os, char **ips, unsigned n)
{
	static char none[] = "";

	return (struct graph_machine){ .id = id,
				       .name = name,
				       .os = os,
				       .site = none,
				       .extra = none,
				       .ips = ips,
				       .ips_n = n,
				       .known = true,
				       .sensor = n > 0 };
}

/* The two machines in groups of these names. */
static struct plan *plan_of(const struct graph *g, char **string)
{
	struct plan *p = plan_new(g->machine_n);

	for (unsigned i = 0; i < 2; i++) {
		struct plan_group *group = plan_add(p, PLAN_GROUP, string[i]);

		plan_text(&group->env, string[i + 2]);
		plan_text(&group->reason, string[i + 4]);
		plan_text(&group->owner, string[i + 6]);
		p->machine[i].group = i;
	}
	plan_settle(p);
	return p;
}

static void check_drawing(const struct buf *out, int nodes, int edges)
{
	Agraph_t *g;

	check(!memchr(out->p, 0x1b, out->n) && strlen((const char *)out->p) == out->n);
	g = agmemread((const char *)out->p);
	check(g && agnnodes(g) == nodes && agnedges(g) == edges);
	agclose(g);
}

static void draw(const struct graph *g, const struct picture_options *o, int nodes, int edges)
{
	struct buf out = { 0 };
	struct err e;

	check(!picture_dot(g, o, &out, &e));
	buf_cstr(&out);
	check_drawing(&out, nodes, edges);
	buf_fini(&out);
}

/* Two machines that call each other, and an address that calls one. */
static void draw_all(char **string)
{
	static char none[] = "";
	struct graph_machine machine[3] = {
		machine_of(string[0], string[1], string[2], &string[3], 1),
		machine_of(string[4], string[5], string[6], NULL, 0),
		machine_of(none, string[7], none, NULL, 0),
	};
	struct graph_process process[4] = {
		{ 0, string[8], string[3], string[9], string[9], string[9] },
		{ 0, string[10], string[3], string[9], string[9], string[9] },
		{ 1, string[11], string[3], string[9], string[9], string[9] },
		{ 2, none, string[7], none, none, none },
	};
	struct graph_edge edge[3] = {
		{ .client = 0, .server = 1, .port = 80, .proto = 6, .c = { .opens = 1 } },
		{ .client = 0, .server = 2, .port = 53, .proto = 17, .live = 1 },
		{ .client = 3,
		  .server = 2,
		  .port = 9,
		  .proto = 6,
		  .c = { .opens = 2, .refused = 2 } },
	};
	struct graph g = { .machine = machine,
			   .process = process,
			   .edge = edge,
			   .machine_n = 3,
			   .process_n = 4,
			   .edge_n = 3 };
	struct picture_options o = { .scope = string[9] };
	struct plan *p = plan_of(&g, string);

	machine[2].known = false;
	draw(&g, &o, 4, 3);
	o.plan = p;
	o.level = PICTURE_GROUPS;
	draw(&g, &o, 3, 2);
	o.level = PICTURE_GROUP;
	o.group = p->machine[0].group;
	draw(&g, &o, 3, 2);
	o.group = p->machine[1].group;
	draw(&g, &o, 3, 2);
	plan_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *string[STRINGS];

	split(data, size, string);
	draw_all(string);
	for (unsigned i = 0; i < STRINGS; i++)
		free(string[i]);
	return 0;
}
