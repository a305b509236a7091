/* SPDX-License-Identifier: Apache-2.0 */
#include "common/frame.h"

#include <errno.h>
#include <event2/buffer.h>

#include "common/mem.h"

int frame_take(struct evbuffer *in, size_t max, uint8_t **bytes, struct wire_frame *out)
{
	uint8_t head[4];
	struct cur c = cur_of(head, sizeof(head));
	size_t length, used;

	if (evbuffer_copyout(in, head, sizeof(head)) < (ev_ssize_t)sizeof(head))
		return 0;
	length = cur_u32(&c);
	if (length < 2 || length > max || length > WIRE_FRAME_MAX)
		return -EPROTO;
	if (evbuffer_get_length(in) < sizeof(head) + length)
		return 0;
	*bytes = xmalloc(sizeof(head) + length);
	evbuffer_remove(in, *bytes, sizeof(head) + length);
	return wire_frame_next(*bytes, sizeof(head) + length, out, &used);
}
