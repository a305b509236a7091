/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/svg.h"

#include <string.h>

#include "graph/draw/env.h"
#include "graph/draw/role.h"

/*
 * Graphviz writes colours as attributes, in small letters, and style sheets win over
 * attributes: so the light colour itself is the selector of its dark counterpart.
 */
static const struct {
	const char *attribute, *light, *dark;
} colors[] = {
	{ "fill", "white", "#14181f" },	    { "fill", "#fdfdfd", "#1e2530" },
	{ "fill", "#f7f9fb", "#191e27" },   { "stroke", "#c9ced6", "#3a4453" },
	{ "stroke", "#5a6270", "#8f9bb0" }, { "fill", "#5a6270", "#8f9bb0" },
	{ "stroke", "#d55e00", "#ff8c42" }, { "fill", "#d55e00", "#ff8c42" },
	{ "fill", "#4a4f5a", "#a3adbd" },   { "stroke", "#7a3b8f", "#c792dd" },
	{ "fill", "#7a3b8f", "#c792dd" },
};

static const struct {
	const char *light, *dark;
} texts[] = {
	{ "#444444", "#aab2c0" }, { "#555555", "#aab2c0" }, { "#333333", "#d5dae3" },
	{ "#b34a00", "#ffa869" }, { "#fdfdfd", "#0c0f14" }, { "#5a6270", "#8f9bb0" },
	{ "#d55e00", "#ff8c42" },
};

/* The upper-case tones of role.c, as Graphviz writes them. */
static void put_lower(struct buf *b, const char *color)
{
	for (; *color; color++)
		buf_u8(b, (uint8_t)(*color >= 'A' && *color <= 'F' ? *color + 32 : *color));
}

static void tone_rules(struct buf *b, const char *fill, const char *line,
		       const char *dark_fill, const char *dark_line)
{
	buf_str(b, "[fill=\"");
	put_lower(b, fill);
	buf_printf(b, "\"]{fill:%s}[fill=\"", dark_fill);
	put_lower(b, line);
	buf_printf(b, "\"]{fill:%s}[stroke=\"", dark_line);
	put_lower(b, line);
	buf_printf(b, "\"]{stroke:%s}\n", dark_line);
}

static void role_rules(struct buf *b)
{
	for (int r = 0; r < ROLE_COUNT; r++)
		tone_rules(b, role_look[r].fill, role_look[r].line, role_look[r].dark_fill,
			   role_look[r].dark_line);
	for (int i = ENV_OTHER + 1; i < ENV_COUNT; i++)
		tone_rules(b, env_look[i].fill, env_look[i].line, env_look[i].dark_fill,
			   env_look[i].dark_line);
}

static void style(struct buf *b)
{
	buf_str(b, "<style>@media (prefers-color-scheme: dark){\nsvg{background:#14181f}\n"
		   "text{fill:#e6e9ef}\n");
	role_rules(b);
	for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++)
		buf_printf(b, "[%s=\"%s\"]{%s:%s}\n", colors[i].attribute, colors[i].light,
			   colors[i].attribute, colors[i].dark);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		buf_printf(b, "text[fill=\"%s\"]{fill:%s}\n", texts[i].light, texts[i].dark);
	buf_str(b, "}\n.node:hover>path,.node:hover>polygon{stroke-width:2.5}\n"
		   ".edge:hover path{stroke-width:4}\n</style>");
}

/* No name can hold the search text: names never have a plain quotation mark here. */
static void put_fonts(struct buf *b, const char *p, size_t n)
{
	static const char from[] = "font-family=\"DejaVu Sans\"";
	static const char to[] = "font-family=\"DejaVu Sans,Verdana,Geneva,sans-serif\"";
	const char *end = p + n, *hit;

	while ((hit = memmem(p, (size_t)(end - p), from, sizeof(from) - 1))) {
		buf_put(b, p, (size_t)(hit - p));
		buf_str(b, to);
		p = hit + sizeof(from) - 1;
	}
	buf_put(b, p, (size_t)(end - p));
}

void svg_finish(struct buf *out, const char *p, size_t n)
{
	const char *svg = memmem(p, n, "<svg ", 5), *end = NULL;

	if (svg)
		end = memchr(svg, '>', n - (size_t)(svg - p));
	if (end) {
		buf_put(out, p, (size_t)(end + 1 - p));
		style(out);
		n -= (size_t)(end + 1 - p);
		p = end + 1;
	}
	put_fonts(out, p, n);
}
