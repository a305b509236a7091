/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text for pictures.  Names come from strangers: whatever they hold, what these functions
 * write is valid UTF-8, has no control or direction-changing characters, and cannot leave the
 * place in DOT, HTML-like label, attribute or SVG that it was put in.
 */
#ifndef GRAPH_DRAW_WORDS_H
#define GRAPH_DRAW_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum { WORDS_NAME = 40, WORDS_SMALL = 52, WORDS_TIP = 160 };

/* For labels and tooltips: at most CAP characters, the last one being an ellipsis if more. */
void words_text(struct buf *b, const char *s, size_t cap);
/* "m-web01": PREFIX, then S with all but letters, digits, '.' and '-' as _XX. */
void words_id(struct buf *b, const char *prefix, const char *s);
/* "7", "999", "1.2k", "34k", "5.6M". */
void words_count(struct buf *b, uint64_t n);
/* "1 machine", "12 machines"; exact, with thousands separated by commas. */
void words_number(struct buf *b, uint64_t n, const char *one, const char *many);
/* "1.2k/day", "<1/day" of N in that many days; "240 in all" below one day. */
void words_rate(struct buf *b, uint64_t n, double days);
/* ":80", ":53/udp", ":dynamic" for port 0. */
void words_port(struct buf *b, uint16_t port, uint8_t proto);
/* "2026-11-23 07:20 – 08:10 UTC"; LOCAL: in the zone of the process. */
void words_period(struct buf *b, int64_t first, int64_t last, int local);

#endif
