/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

struct json json_to(struct buf *out)
{
	return (struct json){ .out = out };
}

static void separate(struct json *j)
{
	uint64_t bit = 1ull << j->depth;

	if (j->keyed)
		j->keyed = false;
	else if (j->more & bit)
		buf_u8(j->out, ',');
	j->more |= bit;
}

void json_open(struct json *j, char bracket)
{
	separate(j);
	buf_u8(j->out, (uint8_t)bracket);
	assert(j->depth < 63);
	j->depth++;
	j->more &= ~(1ull << j->depth);
}

void json_close(struct json *j, char bracket)
{
	assert(j->depth > 0);
	j->depth--;
	buf_u8(j->out, (uint8_t)bracket);
}

static void escape(struct buf *b, uint32_t cp)
{
	static const char short_form[] = "\b\t\n\f\r\"\\", letter[] = "btnfr\"\\";
	const char *s = cp && cp < 0x80 ? strchr(short_form, (int)cp) : NULL;

	buf_u8(b, '\\');
	if (s)
		buf_u8(b, (uint8_t)letter[s - short_form]);
	else
		buf_printf(b, "u%04x", cp);
}

static inline bool plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static size_t plain_length(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && plain((uint8_t)p[i]))
		i++;
	return i;
}

static void put_quoted(struct buf *b, const char *p, size_t n)
{
	uint8_t *to = buf_room(b, n + 2);

	to[0] = to[n + 1] = '"';
	if (n)
		memcpy(to + 1, p, n);
	b->n += n + 2;
}

/* The first FINE bytes of it are plain. */
static void put_cleaned(struct buf *b, const char *p, size_t n, size_t fine)
{
	size_t i = 0, len;
	uint32_t cp;

	buf_u8(b, '"');
	while (true) {
		buf_put(b, p + i, fine);
		i += fine;
		if (i == n)
			break;
		len = utf8_next(p + i, n - i, &cp);
		if (!len)
			buf_str(b, UTF8_REPLACEMENT);
		else if (utf8_control(cp) || cp == '"' || cp == '\\')
			escape(b, cp);
		else
			buf_put(b, p + i, len);
		i += len ? len : 1;
		fine = plain_length(p + i, n - i);
	}
	buf_u8(b, '"');
}

static void put_string(struct buf *b, const char *p, size_t n)
{
	size_t fine = plain_length(p, n);

	if (fine == n)
		put_quoted(b, p, n);
	else
		put_cleaned(b, p, n, fine);
}

void json_key(struct json *j, const char *key)
{
	separate(j);
	put_string(j->out, key, strlen(key));
	buf_u8(j->out, ':');
	j->keyed = true;
}

void json_chars(struct json *j, const char *p, size_t n)
{
	separate(j);
	put_string(j->out, p, n);
}

void json_string(struct json *j, const char *s)
{
	json_chars(j, s, strlen(s));
}

static void put_number(struct json *j, uint64_t v, bool minus)
{
	char digits[21], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	if (minus)
		*--p = '-';
	separate(j);
	buf_put(j->out, p, (size_t)(digits + sizeof(digits) - p));
}

void json_uint(struct json *j, uint64_t v)
{
	put_number(j, v, false);
}

void json_int(struct json *j, int64_t v)
{
	put_number(j, v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0);
}

void json_bool(struct json *j, bool v)
{
	separate(j);
	buf_str(j->out, v ? "true" : "false");
}

void json_null(struct json *j)
{
	separate(j);
	buf_str(j->out, "null");
}

void json_member_string(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_string(j, s);
}

void json_member_uint(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_uint(j, v);
}

void json_member_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

void json_raw(struct json *j, const char *text, size_t n)
{
	separate(j);
	buf_put(j->out, text, n);
}

/* Reading */

static bool bad(struct json_in *in, const char *why)
{
	if (!in->why)
		in->why = why;
	return false;
}

static void skip_space(struct json_in *in)
{
	while (in->p < in->end &&
	       (*in->p == ' ' || *in->p == '\t' || *in->p == '\n' || *in->p == '\r'))
		in->p++;
}

static bool digit(const struct json_in *in)
{
	return in->p < in->end && *in->p >= '0' && *in->p <= '9';
}

int json_peek(struct json_in *in)
{
	skip_space(in);
	if (in->p == in->end) {
		bad(in, "a value is missing");
		return -1;
	}
	switch (*in->p) {
	case '"':
		return JSON_STRING;
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case 'n':
		return JSON_NULL;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	}
	if (digit(in) || *in->p == '-')
		return JSON_NUMBER;
	bad(in, "not a JSON value");
	return -1;
}

bool json_enter(struct json_in *in, char bracket)
{
	skip_space(in);
	if (in->p == in->end || *in->p != bracket)
		return bad(in, bracket == '{' ? "not an object" : "not an array");
	in->p++;
	return true;
}

bool json_more(struct json_in *in, char bracket, bool *first)
{
	skip_space(in);
	if (in->why)
		return false;
	if (in->p == in->end)
		return bad(in, "cut short");
	if (*in->p == bracket) {
		in->p++;
		return false;
	}
	if (!*first) {
		if (*in->p != ',')
			return bad(in, "a comma is missing");
		in->p++;
	}
	*first = false;
	return true;
}

static int hex4(struct json_in *in, uint32_t *out)
{
	uint32_t v = 0;

	if (in->end - in->p < 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		char c = *in->p++;

		v <<= 4;
		if (c >= '0' && c <= '9')
			v |= (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v |= (uint32_t)((c | 32) - 'a' + 10);
		else
			return -EINVAL;
	}
	*out = v;
	return 0;
}

/* What follows "\u": one code unit, or two that make a pair. */
static bool read_unicode(struct json_in *in, struct buf *out)
{
	uint32_t cp, low;
	const char *back;

	if (hex4(in, &cp) < 0)
		return bad(in, "a bad \\u escape");
	if (cp >= 0xd800 && cp < 0xdc00 && in->end - in->p >= 6 && in->p[0] == '\\' &&
	    in->p[1] == 'u') {
		back = in->p;
		in->p += 2;
		if (hex4(in, &low) == 0 && low >= 0xdc00 && low < 0xe000)
			cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
		else
			in->p = back;
	}
	if (!cp || (cp >= 0xd800 && cp < 0xe000))
		cp = 0xfffd;
	utf8_put(out, cp);
	return true;
}

static bool read_escape(struct json_in *in, struct buf *out)
{
	static const char letter[] = "btnfr\"\\/", means[] = "\b\t\n\f\r\"\\/";
	const char *s;
	char c;

	if (in->p == in->end)
		return bad(in, "a string is cut short");
	c = *in->p++;
	if (c == 'u')
		return read_unicode(in, out);
	s = c ? strchr(letter, c) : NULL;
	if (!s)
		return bad(in, "a bad escape in a string");
	buf_u8(out, (uint8_t)means[s - letter]);
	return true;
}

/* The bytes from in->p up to a quote or a backslash. */
static bool read_plain(struct json_in *in, struct buf *out)
{
	const char *from = in->p;

	while (in->p < in->end && *in->p != '"' && *in->p != '\\') {
		if ((uint8_t)*in->p < 0x20)
			return bad(in, "a control character in a string");
		in->p++;
	}
	if (utf8_valid(from, (size_t)(in->p - from)))
		buf_put(out, from, (size_t)(in->p - from));
	else
		utf8_clean(out, from, (size_t)(in->p - from));
	return true;
}

bool json_read_string(struct json_in *in, struct buf *out)
{
	skip_space(in);
	if (in->p == in->end || *in->p != '"')
		return bad(in, "not a string");
	in->p++;
	while (read_plain(in, out)) {
		if (in->p == in->end)
			return bad(in, "a string is cut short");
		if (*in->p++ == '"')
			return true;
		if (!read_escape(in, out))
			break;
	}
	return false;
}

bool json_read_key(struct json_in *in, struct buf *key)
{
	skip_space(in);
	if (in->p == in->end || *in->p != '"')
		return bad(in, "a key is missing");
	buf_reset(key);
	if (!json_read_string(in, key))
		return false;
	skip_space(in);
	if (in->p == in->end || *in->p != ':')
		return bad(in, "a colon is missing");
	in->p++;
	return true;
}

static bool skip_digits(struct json_in *in)
{
	if (!digit(in))
		return bad(in, "a bad number");
	while (digit(in))
		in->p++;
	return true;
}

bool json_read_number(struct json_in *in, const char **p, size_t *n)
{
	skip_space(in);
	*p = in->p;
	if (in->p < in->end && *in->p == '-')
		in->p++;
	if (in->p < in->end && *in->p == '0')
		in->p++;
	else if (!skip_digits(in))
		return false;
	if (in->p < in->end && *in->p == '.') {
		in->p++;
		if (!skip_digits(in))
			return false;
	}
	if (in->p < in->end && (*in->p | 32) == 'e') {
		in->p++;
		if (in->p < in->end && (*in->p == '+' || *in->p == '-'))
			in->p++;
		if (!skip_digits(in))
			return false;
	}
	*n = (size_t)(in->p - *p);
	return true;
}

bool json_read_word(struct json_in *in)
{
	static const char *const word[] = { "null", "true", "false" };

	skip_space(in);
	for (int i = 0; i < 3; i++) {
		size_t n = strlen(word[i]);

		if ((size_t)(in->end - in->p) >= n && memcmp(in->p, word[i], n) == 0) {
			in->p += n;
			return true;
		}
	}
	return bad(in, "not a JSON value");
}

static bool copy_scalar(struct json_in *in, struct json *out, int kind)
{
	struct buf text = { 0 };
	const char *p;
	size_t n;
	bool ok;

	if (kind == JSON_STRING) {
		ok = json_read_string(in, &text);
		if (ok)
			json_chars(out, (const char *)text.p, text.n);
		buf_fini(&text);
		return ok;
	}
	if (kind == JSON_NUMBER) {
		if (!json_read_number(in, &p, &n))
			return false;
		json_raw(out, p, n);
		return true;
	}
	if (!json_read_word(in))
		return false;
	if (kind == JSON_NULL)
		json_null(out);
	else
		json_bool(out, kind == JSON_TRUE);
	return true;
}

static bool copy_depth(struct json_in *in, struct json *out, unsigned depth)
{
	int kind = json_peek(in);
	char close = kind == JSON_OBJECT ? '}' : ']';
	struct buf key = { 0 };
	bool first = true;

	if (kind < 0)
		return false;
	if (kind != JSON_OBJECT && kind != JSON_ARRAY)
		return copy_scalar(in, out, kind);
	if (depth > JSON_DEPTH)
		return bad(in, "nested too deeply");
	json_open(out, *in->p++);
	while (json_more(in, close, &first)) {
		if (kind == JSON_OBJECT) {
			if (!json_read_key(in, &key))
				break;
			json_key(out, buf_cstr(&key));
		}
		if (!copy_depth(in, out, depth + 1))
			break;
	}
	json_close(out, close);
	buf_fini(&key);
	return !in->why;
}

bool json_copy(struct json_in *in, struct json *out)
{
	return copy_depth(in, out, 1);
}

bool json_at_end(struct json_in *in)
{
	skip_space(in);
	return in->p == in->end;
}

/*
 * A number as its digits without the point, and the power of ten that they are to be
 * multiplied by: 1.50e3 is 150 and 1.  Digits past the twentieth cannot be kept, so -ERANGE.
 */
struct decimal {
	char digit[24];
	int n;
	long power;
};

static int decimal_digits(const char **p, const char *end, struct decimal *d, bool fraction)
{
	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
		d->power -= fraction;
		if (d->n == 0 && **p == '0')
			continue;
		if (d->n == (int)sizeof(d->digit)) {
			if (!fraction)
				return -ERANGE;
			d->power++; /* not kept: beyond what an integer of ours can show */
			continue;
		}
		d->digit[d->n++] = **p;
	}
	return 0;
}

static int decimal_read(const char *p, size_t n, struct decimal *d)
{
	const char *end = p + n;
	bool minus = false;
	long exponent = 0;

	memset(d, 0, sizeof(*d));
	if (p < end && *p == '-')
		return -ERANGE;
	if (decimal_digits(&p, end, d, false) < 0)
		return -ERANGE;
	if (p < end && *p == '.') {
		p++;
		decimal_digits(&p, end, d, true);
	}
	if (p < end && (*p | 32) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			minus = *p++ == '-';
		for (; p < end; p++)
			if (exponent < 100000)
				exponent = exponent * 10 + (*p - '0');
	}
	d->power += minus ? -exponent : exponent;
	return 0;
}

static int decimal_value(const struct decimal *d, bool floor_it, uint64_t *out)
{
	uint64_t v = 0;
	long whole = d->n + d->power; /* digits before the point */

	for (long i = whole < 0 ? 0 : whole; i < d->n; i++)
		if (d->digit[i] != '0' && !floor_it)
			return -EINVAL;
	if (whole > 20 && d->n)
		return -ERANGE;
	for (long i = 0; d->n && i < whole; i++) {
		uint64_t digit_value = i < d->n ? (uint64_t)(d->digit[i] - '0') : 0;

		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, digit_value, &v))
			return -ERANGE;
	}
	*out = v;
	return 0;
}

static int number(const char *p, size_t n, bool floor_it, uint64_t *out)
{
	struct decimal d;
	int rc = decimal_read(p, n, &d);

	return rc < 0 ? rc : decimal_value(&d, floor_it, out);
}

int json_number_uint(const char *p, size_t n, uint64_t *out)
{
	return number(p, n, false, out);
}

int json_number_floor(const char *p, size_t n, uint64_t *out)
{
	return number(p, n, true, out);
}
