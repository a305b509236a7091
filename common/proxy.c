/* SPDX-License-Identifier: Apache-2.0 */
#include "common/proxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "common/addr.h"
#include "common/file.h"

/* What is set */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* S[0..N) without its %XX; false where it does not fit. */
static bool unescape(const char *s, size_t n, char *out, size_t cap)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c == '%') {
			if (i + 2 >= n || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
				return false;
			c = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
			i += 2;
		}
		if (to + 1 >= cap)
			return false;
		out[to++] = c;
	}
	out[to] = 0;
	return to == strlen(out);
}

int proxy_set_login(struct proxy *out, const char *login)
{
	size_t n = strlen(login);

	if (n >= sizeof(out->login) || !strchr(login, ':'))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)login[i] < 0x20 || login[i] == 0x7f)
			return -EINVAL;
	memcpy(out->login, login, n + 1);
	return 0;
}

/* S[0..N) is "USER[:PASSWORD]". */
static int take_login(struct proxy *p, const char *s, size_t n)
{
	char login[PROXY_LOGIN_MAX];

	if (!unescape(s, n, login, sizeof(login) - 1))
		return -EINVAL;
	if (!strchr(login, ':'))
		strcat(login, ":");
	return proxy_set_login(p, login);
}

/* A name or an address: what may stand in a request, and nothing that ends its line. */
static bool good_host(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f ||
		    strchr("/?#@\"<>\\^`{|}", *s))
			return false;
	return true;
}

int proxy_parse(const char *text, struct proxy *out)
{
	static const char scheme[] = "http://";
	struct proxy p = { 0 };
	char where[300];
	const char *at;
	size_t n;

	if (strncmp(text, scheme, sizeof(scheme) - 1) == 0)
		text += sizeof(scheme) - 1;
	at = strrchr(text, '@');
	if (at && take_login(&p, text, (size_t)(at - text)) < 0)
		return -EINVAL;
	text = at ? at + 1 : text;
	n = strlen(text);
	if (n && text[n - 1] == '/')
		n--;
	if (n >= sizeof(where))
		return -EINVAL;
	memcpy(where, text, n);
	where[n] = 0;
	if (addr_split_hostport(where, p.host, sizeof(p.host), &p.port) < 0 ||
	    !good_host(p.host) || !p.port)
		return -EINVAL;
	*out = p;
	return 0;
}

int proxy_read_login(struct proxy *out, const char *path, struct err *e)
{
	struct buf text = { 0 };
	int rc = file_read(path, 4096, &text, e);

	if (!rc) {
		char *line;

		buf_u8(&text, 0);
		line = (char *)text.p;
		line[strcspn(line, "\r\n")] = 0;
		rc = proxy_set_login(out, line);
		if (rc)
			err_set(e, rc, "%s: its first line is not USER:PASSWORD", path);
	}
	if (text.p)
		OPENSSL_cleanse(text.p, text.n);
	buf_fini(&text);
	return rc;
}

/* The request */

static void put_authority(struct buf *b, const char *host, uint16_t port)
{
	buf_printf(b, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

void proxy_request(struct buf *b, const struct proxy *p, const char *host, uint16_t port)
{
	unsigned char base64[4 * PROXY_LOGIN_MAX / 3 + 8];

	buf_str(b, "CONNECT ");
	put_authority(b, host, port);
	buf_str(b, " HTTP/1.1\r\nHost: ");
	put_authority(b, host, port);
	if (*p->login) {
		EVP_EncodeBlock(base64, (const unsigned char *)p->login,
				(int)strlen(p->login));
		buf_printf(b, "\r\nProxy-Authorization: Basic %s", (const char *)base64);
		OPENSSL_cleanse(base64, sizeof(base64));
	}
	buf_str(b, "\r\n\r\n");
}

/* The answer */

/* The length with the empty line, 0 if that is not there yet. */
static size_t head_length(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n')
			continue;
		if (i + 1 < n && p[i + 1] == '\n')
			return i + 2;
		if (i + 2 < n && p[i + 1] == '\r' && p[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

/* Whether P[0..N) begins as the status line of HTTP/1.0 or 1.1 does, as far as it goes. */
static bool may_be_http(const char *p, size_t n)
{
	static const char form[] = "HTTP/1.d ddd";

	for (size_t i = 0; i < n && form[i]; i++) {
		if (form[i] == 'd' ? p[i] < '0' || p[i] > '9' : p[i] != form[i])
			return false;
	}
	return true;
}

static void take_reason(const char *p, const char *end, char *out, size_t cap)
{
	size_t n = 0;

	while (p < end && *p == ' ')
		p++;
	for (; p < end && *p != '\r' && *p != '\n' && n + 1 < cap; p++)
		out[n++] = *p < 0x20 || *p > 0x7e ? '?' : *p;
	out[n] = 0;
}

int proxy_answer(const char *p, size_t n, struct proxy_answer *out)
{
	size_t length = head_length(p, n < PROXY_ANSWER_MAX ? n : PROXY_ANSWER_MAX);

	if (!may_be_http(p, n))
		return -EPROTO;
	if (!length)
		return n >= PROXY_ANSWER_MAX ? -EFBIG : 0;
	if (length < 14 || (p[12] != ' ' && p[12] != '\r' && p[12] != '\n'))
		return -EPROTO;
	out->status = (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
	if (out->status < 100 || out->status > 599)
		return -EPROTO;
	take_reason(p + 12, p + length, out->reason, sizeof(out->reason));
	return (int)length;
}

int proxy_refusal(const struct proxy *p, const char *host, uint16_t port,
		  const struct proxy_answer *a, struct err *e)
{
	if (a->status == 407 && *p->login)
		return err_set(
			e, -EHOSTUNREACH,
			"the proxy %.200s:%u does not accept our user and password (407)",
			p->host, p->port);
	if (a->status == 407)
		return err_set(e, -EHOSTUNREACH,
			       "the proxy %.200s:%u wants a user and password (407); put them "
			       "into a file, and its name after --proxy-login",
			       p->host, p->port);
	if (a->status == 403 || a->status == 405)
		return err_set(
			e, -EHOSTUNREACH,
			"the proxy %.200s:%u refuses (%u %s); let it CONNECT to %.100s:%u",
			p->host, p->port, a->status, a->reason, host, port);
	if (a->status / 100 == 5)
		return err_set(e, -EHOSTUNREACH,
			       "the proxy %.200s:%u cannot reach %.100s:%u (%u %s)", p->host,
			       p->port, host, port, a->status, a->reason);
	return err_set(e, -EPROTO,
		       "the proxy %.200s:%u does not CONNECT (%u %s); is it an HTTP proxy?",
		       p->host, p->port, a->status, a->reason);
}
