/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DOT text to a file, laid out by Graphviz in a child process: a layout may crash, loop or eat
 * all memory, and none of that is the caller's problem.
 *
 * The child is this very program, run again as "render --format F [--simple]": a program that
 * uses render_file must answer these words with render_child before it does anything else.
 */
#ifndef GRAPH_DRAW_RENDER_H
#define GRAPH_DRAW_RENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

enum {
	RENDER_CPU_S = 20,
	RENDER_WALL_S = 60,
	RENDER_INPUT_MAX = 64 << 20,
	RENDER_OUTPUT_MAX = 512 << 20,
};

/*
 * An attribute of a graph: "true" where it may as well be laid out from top to bottom, and
 * what prints larger on A3 is taken.
 */
#define RENDER_FIT "skeinfit"

/* "dot", "svg", "png" or "pdf" by how PATH ends; NULL for anything else. */
const char *render_format_of(const char *path);
bool render_format_known(const char *format);

/*
 * The picture appended to OUT; FORMAT "dot" is a copy.  When a layout fails it is tried once
 * more in a simpler way, and the picture says so.  0, or negative errno with one clear line:
 * -EINVAL the text is no graph, -ETIME a limit was hit, -ECHILD the layout crashed.
 */
int render_bytes(const char *dot, size_t n, const char *format, struct buf *out,
		 struct err *e);

/* To PATH by a temporary file beside it and rename; "-" is standard output. */
int render_file(const char *dot, size_t n, const char *format, const char *path,
		struct err *e);

/*
 * The child's side: DOT on standard input, picture on standard output, one line on standard
 * error if that fails.  Lowers its own limits and rights first, for good.  SIMPLE: no labels
 * at arrows, force-directed.  Ends the process with the exit status.
 */
_Noreturn void render_child(const char *format, bool simple);

#endif
