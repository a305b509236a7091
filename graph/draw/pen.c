/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/pen.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <graphviz/cgraph.h>

#include "common/mem.h"
#include "graph/draw/box.h"

struct pen {
	Agraph_t *g;
	struct buf text;
};

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
	{ AGRAPH, "newrank", "true" },
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

struct pen *pen_new(void)
{
	static Agiodisc_t io = { .putstr = put_string, .flush = put_nothing };
	Agdisc_t disc = { &AgMemDisc, &AgIdDisc, &io };
	struct pen *p = xcalloc(1, sizeof(*p));

	p->g = agopen(plain("skein"), Agdirected, &disc);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		agattr(p->g, defaults[i].kind, plain(defaults[i].name),
		       plain(defaults[i].value));
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
