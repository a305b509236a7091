/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/export_xml.h"

#include <stdbool.h>
#include <inttypes.h>
#include <string.h>

#include "common/utf8.h"

static bool forbidden(uint32_t cp)
{
	return (cp < 0x20 && cp != '\t' && cp != '\n' && cp != '\r') || cp == 0xfffe ||
	       cp == 0xffff;
}

/* NULL: as it is.  White space in attributes is folded unless it is a reference. */
static const char *reference(uint32_t cp)
{
	switch (cp) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '\t':
		return "&#9;";
	case '\n':
		return "&#10;";
	case '\r':
		return "&#13;";
	default:
		return NULL;
	}
}

void xml_text(struct buf *b, const char *s)
{
	size_t n = strlen(s), len;
	uint32_t cp;

	for (size_t i = 0; i < n; i += len ? len : 1) {
		const char *as;

		len = utf8_next(s + i, n - i, &cp);
		if (!len || forbidden(cp))
			buf_str(b, UTF8_REPLACEMENT);
		else if ((as = reference(cp)))
			buf_str(b, as);
		else if (utf8_control(cp)) /* as much as it says, and moves no reader */
			buf_printf(b, "&#%" PRIu32 ";", cp);
		else
			buf_put(b, s + i, len);
	}
}

void xml_attribute(struct buf *b, const char *name, const char *s)
{
	buf_printf(b, " %s=\"", name);
	xml_text(b, s);
	buf_u8(b, '"');
}
