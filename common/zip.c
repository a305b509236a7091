/* SPDX-License-Identifier: Apache-2.0 */
#include "common/zip.h"

#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#include "common/mem.h"
#include "common/wire.h"

enum { LEVEL = 3 };

int zip(const void *p, size_t n, struct buf *out)
{
	size_t cap = ZSTD_compressBound(n), got;
	uint8_t *bytes = xmalloc(cap);
	int rc = -E2BIG;

	got = ZSTD_compress(bytes, cap, p, n, LEVEL);
	if (!ZSTD_isError(got) && got < n && n <= got * WIRE_RATIO_MAX) {
		buf_put(out, bytes, got);
		rc = 0;
	}
	free(bytes);
	return rc;
}

struct unzip {
	ZSTD_DCtx *ctx;
};

struct unzip *unzip_new(void)
{
	struct unzip *u = xcalloc(1, sizeof(*u));

	u->ctx = ZSTD_createDCtx();
	if (!u->ctx)
		abort(); /* once, at the start */
	return u;
}

void unzip_free(struct unzip *u)
{
	if (!u)
		return;
	ZSTD_freeDCtx(u->ctx);
	free(u);
}

/* One frame and nothing beside it: zstd itself would take several, and skip some. */
static int is_one_frame(struct cur body, size_t n)
{
	size_t left = cur_left(&body);

	return ZSTD_getFrameContentSize(body.p, left) == n &&
	       ZSTD_findFrameCompressedSize(body.p, left) == left;
}

int unzip(struct unzip *u, struct cur body, void *out, size_t n)
{
	size_t got;

	if (!is_one_frame(body, n))
		return -EPROTO;
	got = ZSTD_decompressDCtx(u->ctx, out, n, body.p, cur_left(&body));
	return got == n ? 0 : -EPROTO; /* an error is a number above any N */
}
