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

/* Two machines that call each other, and an address that calls one. */
static void draw(char **string, struct buf *out)
{
	struct graph_machine machine[3] = {
		{ string[0], string[1], string[2], &string[3], 1, true, true },
		{ string[4], string[5], string[6], NULL, 0, true, false },
		{ (char[]){ "" }, string[7], (char[]){ "" }, NULL, 0, false, false },
	};
	struct graph_process process[4] = {
		{ 0, string[8], string[3], string[9], string[9], string[9] },
		{ 0, string[10], string[3], string[9], string[9], string[9] },
		{ 1, string[11], string[3], string[9], string[9], string[9] },
		{ 2, (char[]){ "" }, string[7], (char[]){ "" }, (char[]){ "" },
		  (char[]){ "" } },
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
	struct err e;

	check(!picture_dot(&g, &o, out, &e));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *string[STRINGS];
	struct buf out = { 0 };
	Agraph_t *g;

	split(data, size, string);
	draw(string, &out);
	check(!memchr(out.p, 0x1b, out.n) && strlen(buf_cstr(&out)) == out.n);
	g = agmemread(buf_cstr(&out));
	check(g && agnnodes(g) == 4 && agnedges(g) == 3);
	agclose(g);
	buf_fini(&out);
	for (unsigned i = 0; i < STRINGS; i++)
		free(string[i]);
	return 0;
}
