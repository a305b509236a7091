/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/cur.h"
#include "sensor/mirror/sniff_parts.h"

enum { HANDSHAKE = 22, CLIENT_HELLO = 1, SERVER_NAME = 0, HOST_NAME = 0, HELLO_MAX = 16384 };

bool sniff_name(const uint8_t *p, size_t n, char *name)
{
	static const char others[] = "-._:[]";

	if (!n || n > SNIFF_NAME)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = p[i];

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') &&
		    (!c || !memchr(others, c, sizeof(others) - 1)))
			return false;
		name[i] = (char)c;
	}
	name[n] = 0;
	return true;
}

/* The handshake's bytes, out of as many records as it takes; how many came. */
static size_t unwrap(const uint8_t *p, size_t n, uint8_t *out, size_t cap)
{
	size_t had = 0;

	while (n >= 5 && p[0] == HANDSHAKE && p[1] == 3 && had < cap) {
		size_t len = (size_t)p[3] << 8 | p[4];

		p += 5;
		n -= 5;
		if (!len)
			break;
		if (len > n)
			len = n;
		if (len > cap - had)
			len = cap - had;
		memcpy(out + had, p, len);
		had += len;
		p += len;
		n -= len;
	}
	return had;
}

/* Names in a server_name extension: RFC 6066 section 3. */
static enum sniffed in_names(struct cur ext, char *name)
{
	struct cur list = cur_sub(&ext, cur_u16(&ext));

	while (cur_left(&list) >= 3) {
		uint8_t type = cur_u8(&list);
		uint16_t len = cur_u16(&list);
		const uint8_t *p = cur_take(&list, len);

		if (p && type == HOST_NAME)
			return sniff_name(p, len, name) ? SNIFF_FOUND : SNIFF_NONE;
	}
	return SNIFF_NONE;
}

/* RFC 8446 section 4.1.2; WHOLE: all of it is there. */
static enum sniffed in_hello(struct cur hello, bool whole, char *name)
{
	enum sniffed missing = whole ? SNIFF_NONE : SNIFF_MORE;
	size_t left;

	cur_take(&hello, 2 + 32);
	cur_take(&hello, cur_u8(&hello));
	cur_take(&hello, cur_u16(&hello));
	cur_take(&hello, cur_u8(&hello));
	left = cur_u16(&hello);
	while (!hello.bad && left >= 4) {
		uint16_t type = cur_u16(&hello), len = cur_u16(&hello);
		struct cur ext = cur_sub(&hello, len);

		if (hello.bad)
			return missing;
		if (type == SERVER_NAME)
			return in_names(ext, name);
		if (left < 4u + len)
			return SNIFF_NONE;
		left -= 4u + len;
	}
	return hello.bad ? missing : SNIFF_NONE;
}

enum sniffed sniff_tls(const uint8_t *p, size_t n, char *name)
{
	static const uint8_t begins[2] = { HANDSHAKE, 3 };
	uint8_t hello[HELLO_MAX];
	size_t had, len;

	if (memcmp(p, begins, n < 2 ? n : 2) != 0)
		return SNIFF_NONE;
	if (n < 6)
		return SNIFF_MORE;
	if (p[2] > 4 || p[5] != CLIENT_HELLO)
		return SNIFF_NONE;
	had = unwrap(p, n, hello, sizeof(hello));
	if (had < 4)
		return SNIFF_MORE;
	len = (size_t)hello[1] << 16 | (size_t)hello[2] << 8 | hello[3];
	if (len < 38 || len > HELLO_MAX - 4)
		return SNIFF_NONE;
	if (had - 4 < len)
		return in_hello(cur_of(hello + 4, had - 4), false, name);
	return in_hello(cur_of(hello + 4, len), true, name);
}
