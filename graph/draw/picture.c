/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/picture.h"

#include <errno.h>

#include "graph/draw/dot.h"
#include "graph/draw/estate.h"
#include "graph/draw/estatedot.h"
#include "graph/draw/groupview.h"
#include "graph/draw/render.h"
#include "graph/draw/scene.h"

/* Above these, what is drawn is no longer read (docs/diagrams.md). */
enum {
	CARDS = 60,
	CARD_LINKS = 150,
	BOXES = 60,
	BOX_LINKS = 150,
	GROUP_MACHINES = 14, /* more are stacked */
	GROUP_LINKS = 60,
	GROUP_ARROWS = 45, /* between boxes that show no processes */
	STACKS = 400,
	STACK_LINKS = 150, /* or, where there are many boxes, a few more arrows than boxes */
};

/* Arrows are followed by eye where there are about as many as boxes. */
static unsigned stack_links(unsigned boxes)
{
	unsigned n = boxes + boxes / 4;

	return n > STACK_LINKS ? n : STACK_LINKS;
}

static struct scene *compose(const struct view *v)
{
	struct scene *s = scene_new(v, false, FOLD_NO_STACKS);

	if (s->box_n <= CARDS && s->link_n <= CARD_LINKS)
		return s;
	scene_free(s);
	s = scene_new(v, true, FOLD_NO_STACKS);
	if (s->box_n <= BOXES && s->link_n <= BOX_LINKS)
		return s;
	scene_free(s);
	s = scene_new(v, true, FOLD_STACKS);
	scene_keep(s, STACKS, stack_links(s->box_n < STACKS ? s->box_n : STACKS));
	return s;
}

static int groups_dot(const struct graph *g, const struct picture_options *o, struct buf *out,
		      struct err *e)
{
	struct estate *estate = estate_new(g, o->plan);
	int rc = estatedot_write(estate, o, out, e);

	estate_free(estate);
	return rc;
}

/* Cards while they can be read, then boxes, then a box for several alike, then for a role. */
static struct scene *compose_group(const struct view *v)
{
	static const struct {
		bool compact;
		enum fold_stacks stacks;
		unsigned machines, links;
	} ways[] = {
		{ false, FOLD_NO_STACKS, GROUP_MACHINES, GROUP_LINKS },
		{ true, FOLD_NO_STACKS, GROUP_MACHINES, GROUP_ARROWS },
		{ true, FOLD_STACKS_LIKE, UINT_MAX, GROUP_ARROWS },
		{ true, FOLD_STACKS, UINT_MAX, GROUP_LINKS },
	};
	struct scene *s = NULL;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (v->plan->group[v->group].machine_n > ways[i].machines)
			continue;
		scene_free(s);
		s = groupview_new(v, ways[i].compact, ways[i].stacks);
		if (s->box_n <= BOXES && s->link_n <= ways[i].links)
			return s;
	}
	scene_keep(s, BOXES, BOX_LINKS);
	return s;
}

static int group_dot(const struct graph *g, const struct picture_options *o, struct buf *out,
		     struct err *e)
{
	struct view v;
	struct scene *s;
	int rc;

	if (o->group >= o->plan->group_n)
		return err_set(e, -ENOENT, "no such group in the plan");
	view_init_group(&v, g, o->plan, o->group);
	s = compose_group(&v);
	rc = dot_write(s, o, out, e);
	scene_free(s);
	view_fini(&v);
	return rc;
}

int picture_dot(const struct graph *g, const struct picture_options *o, struct buf *out,
		struct err *e)
{
	struct view v;
	struct scene *s;
	int rc;

	if (o->level == PICTURE_MACHINE && o->machine >= g->machine_n)
		return err_set(e, -ENOENT, "no such machine in the graph");
	if (o->level == PICTURE_GROUPS)
		return groups_dot(g, o, out, e);
	if (o->level == PICTURE_GROUP)
		return group_dot(g, o, out, e);
	view_init(&v, g, o->level == PICTURE_MACHINE ? (int)o->machine : -1);
	s = compose(&v);
	rc = dot_write(s, o, out, e);
	scene_free(s);
	view_fini(&v);
	return rc;
}

int picture_write(const struct graph *g, const struct picture_options *o, const char *path,
		  struct err *e)
{
	const char *format = o->format ? o->format : render_format_of(path);
	struct buf dot = { 0 };
	int rc;

	if (!format)
		return err_set(e, -EINVAL,
			       "%s: no picture ends like that (.svg, .dot, .png, .pdf)", path);
	rc = picture_dot(g, o, &dot, e);
	if (!rc)
		rc = render_file((const char *)dot.p, dot.n, format, path, e);
	buf_fini(&dot);
	return rc;
}

int picture_draw(struct store *s, const struct filter *f, const struct picture_options *o,
		 const char *path, struct err *e)
{
	struct graph *g = graph_load(s, f, e);
	int rc;

	if (!g)
		return e && e->code ? e->code : -EIO;
	rc = picture_write(g, o, path, e);
	graph_free(g);
	return rc;
}
