/* SPDX-License-Identifier: Apache-2.0 */
/* Frames out of libevent's buffers. */
#ifndef COMMON_FRAME_H
#define COMMON_FRAME_H

#include "common/wire.h"

struct evbuffer;

/*
 * Takes the first frame out of IN: 1 with *OUT, which lies in *BYTES, which the caller frees;
 * 0 when it is not there yet; -EPROTO when it is no frame or longer than MAX (as in the length
 * field), which shows before any of it has to be held.
 */
int frame_take(struct evbuffer *in, size_t max, uint8_t **bytes, struct wire_frame *out);

#endif
