/* SPDX-License-Identifier: Apache-2.0 */
/* What graph/waves.c and graph/wave_words.c share while waves are made. */
#ifndef GRAPH_WAVE_WORK_H
#define GRAPH_WAVE_WORK_H

#include "graph/between.h"
#include "graph/waves.h"

struct wave_work {
	const struct graph *g;
	struct plan *p;
	const struct wave_rules *r;
	struct waves *w;
	/* by group */
	uint64_t *bytes;
	unsigned *unknown; /* machines whose bytes nobody said */
	unsigned *node;	   /* its number for the packer, PLAN_NONE */
	unsigned *tier, *family;
	unsigned *
		median; /* of a stretched service: the wave with which most users have moved */
	unsigned *share; /* and how many of a hundred connections that are */
	struct between *arc;
	unsigned arc_n;
	/* by wave, to place what comes after the packer */
	unsigned *load, load_n;
	uint64_t *load_bytes;
	unsigned highest;
};

/* Reasons of places, and notes. */
void wave_words(struct wave_work *k);
/* Another note. */
void wave_note(struct waves *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
