/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/authority_ask.h"

#include <string.h>

static const char *const roles[] = {
	[AUTHORITY_HOST] = "host",
	[AUTHORITY_MIRROR] = "mirror",
};
enum { ROLES = sizeof(roles) / sizeof(*roles) };

const char *authority_role_word(uint8_t role)
{
	return role < ROLES ? roles[role] : NULL;
}

uint8_t authority_role_of(const char *word)
{
	for (uint8_t i = 1; i < ROLES; i++)
		if (strcmp(roles[i], word) == 0)
			return i;
	return 0;
}

/* The same characters that cert_subject takes; nothing behind the first NUL. */
static bool name_sane(const char name[CERT_CN])
{
	size_t n = strnlen(name, CERT_CN);

	if (n == 0 || n == CERT_CN)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789._-",
			    name[i]))
			return false;
	for (size_t i = n; i < CERT_CN; i++)
		if (name[i])
			return false;
	return true;
}

bool authority_ask_take(const void *p, size_t n, struct authority_ask *out)
{
	static const char nobody[CERT_CN];

	if (n != sizeof(*out))
		return false;
	memcpy(out, p, sizeof(*out));
	if (out->point[0] != 4 || out->seconds == 0)
		return false;
	if (out->what == AUTHORITY_FOR_COLLECTOR)
		return out->role == 0 && out->seconds <= AUTHORITY_COLLECTOR_S &&
		       memcmp(out->sensor, nobody, CERT_CN) == 0;
	return out->what == AUTHORITY_FOR_SENSOR && authority_role_word(out->role) &&
	       out->seconds <= AUTHORITY_SENSOR_S && name_sane(out->sensor);
}

bool authority_pace_take(struct authority_pace *p, uint64_t now_ms)
{
	uint64_t back = now_ms > p->then_ms ? (now_ms - p->then_ms) * AUTHORITY_RATE : 0;

	p->then_ms = now_ms;
	p->spent -= back < p->spent ? back : p->spent;
	if (p->spent + 1000 > AUTHORITY_BURST * 1000ULL)
		return false;
	p->spent += 1000;
	return true;
}
