/* SPDX-License-Identifier: Apache-2.0 */
/* What the formats that are XML 1.0 have in common. */
#ifndef GRAPH_EXPORT_XML_H
#define GRAPH_EXPORT_XML_H

#include "common/buf.h"

/*
 * S as the text of an element or of a quoted attribute.  What XML 1.0 forbids (section 2.2),
 * escaped or not, and what is no UTF-8 becomes U+FFFD.
 */
void xml_text(struct buf *b, const char *s);
/* ' NAME="S"' */
void xml_attribute(struct buf *b, const char *name, const char *s);

#endif
