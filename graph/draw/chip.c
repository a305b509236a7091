/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/chip.h"

#include <string.h>

#include "graph/draw/box.h"

static const char *const word[SERVICE_COUNT] = {
	[SERVICE_NONE] = "SHARED",     [SERVICE_DIRECTORY] = "DIR",
	[SERVICE_DNS] = "DNS",	       [SERVICE_TIME] = "NTP",
	[SERVICE_MONITORING] = "MON",  [SERVICE_BACKUP] = "BACKUP",
	[SERVICE_LOGS] = "LOG",	       [SERVICE_PATCHING] = "PATCH",
	[SERVICE_SCANNER] = "SCAN",    [SERVICE_JUMP] = "JUMP",
	[SERVICE_FILES] = "FILES",     [SERVICE_DATABASE] = "DB",
	[SERVICE_BUS] = "BUS",	       [SERVICE_BALANCER] = "LB",
	[SERVICE_PROXY] = "PROXY",     [SERVICE_MAIL] = "MAIL",
	[SERVICE_CONFIG] = "CONF",     [SERVICE_CI] = "CI",
	[SERVICE_SIGN_ON] = "SSO",     [SERVICE_SECRETS] = "SECRET",
	[SERVICE_SCHEDULER] = "JOBS",  [SERVICE_LICENCE] = "LIC",
	[SERVICE_ANTIVIRUS] = "AV",    [SERVICE_PKI] = "CERT",
	[SERVICE_PLATFORM] = "SHARED",
};

const char *chip_word(enum service s)
{
	return word[s < SERVICE_COUNT ? s : SERVICE_PLATFORM];
}

/* Points that a row needs: bold capitals of 7 in cells with a margin. */
static size_t row_width(const struct chip *chip, unsigned n)
{
	size_t width = 4;

	for (unsigned i = 0; i < n; i++)
		width += strlen(chip[i].text) * 6 + 10;
	return width;
}

static void put_chip(struct buf *b, const struct chip *c)
{
	buf_printf(b, "<td %s><font point-size=\"7\" color=\"%s\"><b>%s</b></font></td>",
		   c->hollow ? "border=\"1\" color=\"" BOX_LINE "\""
			     : "bgcolor=\"" BOX_CHIP "\"",
		   c->hollow ? BOX_SMALL : BOX_CELL, c->text);
}

/*
 * Graphviz stretches a table inside a cell to the cell's width, unless its size is fixed; and
 * a size that is too small for what is in it grows, with a warning.
 */
void chip_table(struct buf *b, const struct chip *chip, unsigned n, unsigned per_row)
{
	for (unsigned i = 0; i < n; i += per_row) {
		unsigned in_row = n - i < per_row ? n - i : per_row;

		buf_printf(b,
			   "<table border=\"0\" cellborder=\"0\" cellspacing=\"2\" "
			   "cellpadding=\"2\" fixedsize=\"true\" align=\"left\" width=\"%zu\" "
			   "height=\"18\"><tr>",
			   row_width(chip + i, in_row));
		for (unsigned k = 0; k < in_row; k++)
			put_chip(b, &chip[i + k]);
		buf_str(b, "</tr></table>");
		if (i + per_row < n)
			buf_str(b, "</td></tr><tr><td align=\"left\">");
	}
}
