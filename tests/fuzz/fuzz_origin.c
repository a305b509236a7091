/* SPDX-License-Identifier: Apache-2.0 */
/* What a relay, or a stranger, says in front of a connection. */
#include <stdlib.h>

#include "collector/origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct origin o;
	int length;

	if (n < ORIGIN_HEAD)
		return 0;
	length = origin_length(p);
	if (length > ORIGIN_MAX || (length >= 0 && length < ORIGIN_HEAD))
		abort();
	if (length > 0 && (size_t)length <= n && origin_get(p, (size_t)length, &o) == 0 &&
	    o.known && length < ORIGIN_HEAD + 12)
		abort();
	return 0;
}
