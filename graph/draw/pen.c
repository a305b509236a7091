/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/pen.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <graphviz/cgraph.h>
#include <uthash.h>

#include "common/mem.h"
#include "graph/draw/box.h"

struct pen {
	Agraph_t *g;
	struct buf text;
};

/*
 * cgraph writes frames by their ids, which are addresses of their names unless somebody else
 * gives them: then they would stand in another order in every process.
 */
struct id {
	IDTYPE number; /* from 1, in the order of coming */
	UT_hash_handle by_name, by_number;
	char *name; /* of cgraph's own strings, as it looks at what stands before their bytes
		     */
};

struct ids {
	Agraph_t *g;
	struct id *names, *numbers;
};

static void *ids_open(Agraph_t *g, Agdisc_t *disc)
{
	struct ids *ids = xcalloc(1, sizeof(*ids));

	(void)disc;
	ids->g = g;
	return ids;
}

static long ids_map(void *state, int kind, char *name, IDTYPE *number, int create)
{
	struct ids *ids = state;
	size_t n = name ? strlen(name) : 0;
	struct id *id = NULL;

	(void)kind;
	if (!name)
		return 0;
	HASH_FIND(by_name, ids->names, name, n, id);
	if (!id && !create)
		return 0;
	if (!id) {
		id = xcalloc(1, sizeof(*id));
		id->name = agstrdup(ids->g, name);
		id->number = HASH_CNT(by_name, ids->names) + 1;
		HASH_ADD_KEYPTR(by_name, ids->names, id->name, n, id);
		HASH_ADD(by_number, ids->numbers, number, sizeof(id->number), id);
	}
	*number = id->number;
	return 1;
}

static long ids_alloc(void *state, int kind, IDTYPE number)
{
	(void)state;
	(void)kind;
	(void)number;
	return 0;
}

static void ids_free(void *state, int kind, IDTYPE number)
{
	(void)state;
	(void)kind;
	(void)number;
}

static void ids_register(void *state, int kind, void *thing)
{
	(void)state;
	(void)kind;
	(void)thing;
}

static char *ids_print(void *state, int kind, IDTYPE number)
{
	struct ids *ids = state;
	struct id *id;

	(void)kind;
	HASH_FIND(by_number, ids->numbers, &number, sizeof(number), id);
	return id ? id->name : NULL;
}

static void ids_close(void *state)
{
	struct ids *ids = state;
	struct id *id, *next;

	HASH_CLEAR(by_number, ids->numbers);
	HASH_ITER (by_name, ids->names, id, next) {
		HASH_DELETE(by_name, ids->names, id);
		free(id);
	}
	free(ids);
}

/* cgraph takes char * and copies. */
static char *plain(const char *s)
{
	return (char *)(uintptr_t)s;
}

static const struct {
	int kind;
	const char *name, *value;
} defaults[] = {
	{ AGRAPH, "rankdir", "LR" },
	{ AGRAPH, "splines", "true" },
	{ AGRAPH, "outputorder", "nodesfirst" },
	{ AGRAPH, "nodesep", "0.22" },
	{ AGRAPH, "ranksep", "0.9" },
	{ AGRAPH, "mclimit", "2" },
	{ AGRAPH, "pad", "0.25" },
	{ AGRAPH, "bgcolor", "white" },
	{ AGRAPH, "fontname", "DejaVu Sans" },
	{ AGRAPH, "fontsize", "10" },
	{ AGRAPH, "labelloc", "t" },
	{ AGRAPH, "labeljust", "l" },
	{ AGRAPH, "linelength", "0" },
	{ AGRAPH, "charset", "UTF-8" },
	{ AGRAPH, "label", "" },
	{ AGRAPH, "id", "" },
	{ AGRAPH, "class", "" },
	{ AGRAPH, "tooltip", "" },
	{ AGRAPH, "style", "" },
	{ AGRAPH, "color", "" },
	{ AGRAPH, "fillcolor", "" },
	{ AGRAPH, "penwidth", "1" },
	{ AGRAPH, "margin", "" }, /* of the page for the root, so set on frames alone */
	{ AGNODE, "shape", "plain" },
	{ AGNODE, "fontname", "DejaVu Sans" },
	{ AGNODE, "fontsize", "10" },
	{ AGNODE, "label", "" },
	{ AGNODE, "id", "" },
	{ AGNODE, "class", "" },
	{ AGNODE, "tooltip", "" },
	{ AGEDGE, "fontname", "DejaVu Sans" },
	{ AGEDGE, "fontsize", "8" },
	{ AGEDGE, "fontcolor", "#333333" },
	{ AGEDGE, "color", BOX_LINE },
	{ AGEDGE, "arrowsize", "0.7" },
	{ AGEDGE, "penwidth", "1" },
	{ AGEDGE, "style", "" },
	{ AGEDGE, "label", "" },
	{ AGEDGE, "headlabel", "" },
	{ AGEDGE, "headport", "" },
	{ AGEDGE, "tailport", "" },
	{ AGEDGE, "id", "" },
	{ AGEDGE, "class", "" },
	{ AGEDGE, "tooltip", "" },
	{ AGEDGE, "labeltooltip", "" },
};

static int put_string(void *chan, const char *text)
{
	buf_str(chan, text);
	return 0;
}

static int put_nothing(void *chan)
{
	(void)chan;
	return 0;
}

struct pen *pen_new(bool frames)
{
	static Agiodisc_t io = { .putstr = put_string, .flush = put_nothing };
	static Agiddisc_t ids = { ids_open,  ids_map,	ids_alloc,   ids_free,
				  ids_print, ids_close, ids_register };
	Agdisc_t disc = { &AgMemDisc, &ids, &io };
	struct pen *p = xcalloc(1, sizeof(*p));

	p->g = agopen(plain("skein"), Agdirected, &disc);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		agattr(p->g, defaults[i].kind, plain(defaults[i].name),
		       plain(defaults[i].value));
	if (frames)
		agattr(p->g, AGRAPH, plain("newrank"), plain("true"));
	return p;
}

void pen_free(struct pen *p)
{
	agclose(p->g);
	buf_fini(&p->text);
	free(p);
}

void *pen_root(struct pen *p)
{
	return p->g;
}

void *pen_frame(void *in, const char *name)
{
	return agsubg(in, plain(name), 1);
}

void *pen_node(void *in, const char *name)
{
	return agnode(in, plain(name), 1);
}

void *pen_arrow(struct pen *p, void *from, void *to, const char *key)
{
	return agedge(p->g, from, to, plain(key), 1);
}

struct buf *pen_text(struct pen *p)
{
	return &p->text;
}

void pen_set(void *thing, const char *name, const char *value)
{
	agsafeset(thing, plain(name), plain(value), plain(""));
}

void pen_set_text(struct pen *p, void *thing, const char *name)
{
	pen_set(thing, name, buf_cstr(&p->text));
	buf_reset(&p->text);
}

void pen_set_html(struct pen *p, void *thing, const char *name)
{
	char *html = agstrdup_html(p->g, plain(buf_cstr(&p->text)));

	pen_set(thing, name, html);
	agstrfree(p->g, html);
	buf_reset(&p->text);
}

int pen_write(struct pen *p, struct buf *out, struct err *e)
{
	return agwrite(p->g, out) ? err_set(e, -EIO, "cgraph cannot write the picture") : 0;
}
