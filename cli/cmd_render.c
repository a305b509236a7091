/* SPDX-License-Identifier: Apache-2.0 */
/* Not for people: the child in which a picture is laid out (graph/draw/render.h). */
#include "cli/commands.h"
#include "cli/options.h"
#include "graph/draw/render.h"

struct render {
	struct options o;
	const char *format;
	bool simple;
};

static const struct options_row rows[] = {
	{ "format", 'f', "F", options_string, offsetof(struct render, format),
	  "svg, png or pdf (else svg)" },
	{ "simple", 0, NULL, options_flag, offsetof(struct render, simple),
	  "force-directed, no labels at arrows" },
	{ 0 },
};

static const struct options_command command = {
	.name = "render",
	.about = "Lay out DOT text from standard input as a picture on standard output,\n"
		 "with limits on time and memory.",
	.rows = rows,
	.examples = "skein render --format svg <map.dot >map.svg\n",
};

int cmd_render(int argc, char **argv)
{
	struct render r = { 0 };

	if (!options_parse(&command, argc, argv, &r.o, &r))
		return r.o.status;
	if (!r.format)
		r.format = "svg";
	if (!render_format_known(r.format))
		return options_usage(&command, "\"%s\" is none of dot, svg, png and pdf",
				     r.format);
	render_child(r.format, r.simple);
}
