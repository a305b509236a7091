/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scene in the making, for the files that make one: card.c and place.c give each process its
 * place, a row of a box; arrow.c makes an arrow of each edge between two places, or adds it to
 * one that has the same places.
 */
#ifndef GRAPH_DRAW_MAKING_H
#define GRAPH_DRAW_MAKING_H

#include "common/buf.h"
#include "graph/draw/fold.h"
#include "graph/draw/scene.h"
#include "graph/draw/served.h"

struct making_place {
	int box, row; /* box -1: not in the picture */
};

struct making {
	struct scene *s;
	const struct view *v;
	const struct graph *g;
	struct served served;
	struct folds folds;
	struct making_place *place;	/* by process */
	struct making_place *from, *to; /* by edge; NULL: where its processes are */
	unsigned *first;		/* by machine, of its processes; one more at the end */
	struct arrow_index *arrows;
};

/* card.c: boxes and their rows */

/* ID is taken over, NAME copied. */
struct scene_box *card_add(struct scene *s, enum scene_kind kind, char *id, const char *name);
struct scene_row *card_new_row(struct scene_box *box);
/* A row for this process, which is its place from then on. */
void card_add_row(struct making *mk, unsigned box, unsigned process);
/* The MAX that matter most of N ports in order. */
void card_set_ports(struct scene_row *row, const struct scene_port *port, unsigned n,
		    unsigned max);
int card_by_number(const void *a, const void *b); /* of struct scene_port */
char *card_id(const char *prefix, const char *text, unsigned index);
char *card_machine_id(const struct making *mk, unsigned m);
char *card_machine_detail(const struct making *mk, unsigned m, enum role role);
/* WORD behind " · ", unless it is the first. */
void card_part(struct buf *b, const char *word);
/* The box of one machine, with a row for each process that shows. */
void card_place(struct making *mk, unsigned m);
/* "also listens: sshd :22" */
char *card_also_listens(const struct making *mk, unsigned m);

enum { CARD_PORTS = 6, CARD_COMPACT_PORTS = 4 }; /* more badges than that become a number */

/* place.c: where machines go */

/* Its processes have places then, if it is in the view. */
void place_machine(struct making *mk, unsigned m);

/* arrow.c: edges */

/* One for each pair of places and port; in compact scenes for each pair of places. */
void arrow_add(struct making *mk, unsigned edge);
/*
 * Boxes with one row show the ports of the arrows that end there, at most MAX; BOX says which,
 * NULL is all.
 */
void arrow_collect_ports(struct making *mk, const bool *box, unsigned max);
void arrow_forget(struct making *mk);

/* scene.c */

void making_begin(struct making *mk);
/* After all have a place, and `from` and `to` are filled: the arrows. */
void making_end(struct making *mk);

#endif
