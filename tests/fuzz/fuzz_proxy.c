/* SPDX-License-Identifier: Apache-2.0 */
/* What a proxy answers, and, after a first byte of 0xff, what a configuration names as one. */
#include <stdlib.h>
#include <string.h>

#include "common/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void name(const char *text)
{
	struct proxy proxy;
	struct buf b = { 0 };

	if (proxy_parse(text, &proxy) == 0)
		proxy_request(&b, &proxy, proxy.host, proxy.port);
	if (b.n && strstr(buf_cstr(&b), "\r\n\r\n") != (char *)b.p + b.n - 4)
		abort(); /* a second request, smuggled */
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct proxy_answer a;
	char *text;
	int rc;

	if (n && p[0] == 0xff) {
		text = strndup((const char *)p + 1, n - 1);
		name(text);
		free(text);
		return 0;
	}
	rc = proxy_answer((const char *)p, n, &a);
	if (rc > 0 && ((size_t)rc > n || a.status < 100 || strlen(a.reason) >= 64))
		abort();
	return 0;
}
