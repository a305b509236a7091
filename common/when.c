/* SPDX-License-Identifier: Apache-2.0 */
#include "common/when.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool when_span(const char *text, int64_t *seconds, const char **rest)
{
	static const struct {
		char letter;
		int64_t seconds;
	} unit[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	int64_t v = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9'; p++) {
		if (v > 99999999999)
			return false;
		v = v * 10 + (*p - '0');
	}
	if (p == text)
		return false;
	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++) {
		if (*p == unit[i].letter) {
			v *= unit[i].seconds;
			p++;
			break;
		}
	}
	*seconds = v;
	*rest = p;
	return true;
}

/* The zone "+02:00" as POSIX writes it, where east is negative. */
static bool zone_offset(const char *name, char *posix, size_t cap)
{
	int hours, minutes = 0, used = 0;

	if ((*name != '+' && *name != '-') || name[1] < '0' || name[1] > '9')
		return false;
	if (sscanf(name + 1, "%2d%n:%2d%n", &hours, &used, &minutes, &used) < 1 ||
	    name[1 + used] || hours > 14 || minutes > 59 || minutes < 0)
		return false;
	snprintf(posix, cap, "<%c%02d%02d>%c%02d:%02d", *name, hours, minutes,
		 *name == '+' ? '-' : '+', hours, minutes);
	return true;
}

static bool zone_known(const char *name)
{
	const char *dir = getenv("TZDIR");
	struct stat st;
	char path[512];

	if (*name == '/' || strstr(name, ".."))
		return false;
	snprintf(path, sizeof(path), "%s/%s", dir && *dir ? dir : "/usr/share/zoneinfo", name);
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, R_OK) == 0;
}

int when_zone(const char *name, struct err *e)
{
	char posix[48];

	if (name && strcmp(name, "local") == 0) {
		tzset();
		return 0;
	}
	if (!name || strcmp(name, "UTC") == 0)
		setenv("TZ", "UTC0", 1);
	else if (zone_offset(name, posix, sizeof(posix)))
		setenv("TZ", posix, 1);
	else if (zone_known(name))
		setenv("TZ", name, 1);
	else
		return err_set(e, -EINVAL, "no time zone \"%s\"", name);
	tzset();
	return 0;
}

/* "Z", "+02:00", "-0530" or nothing: seconds east of Greenwich; LOCAL is for nothing. */
static bool read_offset(const char *p, int *seconds, bool *local)
{
	int h, m, used = 0;

	*seconds = 0;
	*local = *p == 0;
	if (*local || strcmp(p, "Z") == 0 || strcmp(p, "z") == 0)
		return true;
	if ((*p != '+' && *p != '-') || p[1] < '0' || p[1] > '9')
		return false;
	if ((sscanf(p + 1, "%2d:%2d%n", &h, &m, &used) != 2 &&
	     sscanf(p + 1, "%2d%2d%n", &h, &m, &used) != 2) ||
	    p[1 + used] || h > 14 || m < 0 || m > 59)
		return false;
	*seconds = (*p == '-' ? -1 : 1) * (h * 3600 + m * 60);
	return true;
}

/*
 * The date, then the time as far as it is there; NULL if it is neither, else what is behind.
 */
static const char *read_calendar(const char *p, struct tm *tm)
{
	int used = 0;

	if (sscanf(p, "%4d-%2d-%2d%n", &tm->tm_year, &tm->tm_mon, &tm->tm_mday, &used) != 3)
		return NULL;
	p += used;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	tm->tm_isdst = -1;
	if (*p != 'T' && *p != 't' && *p != ' ')
		return p;
	used = 0;
	if (sscanf(p + 1, "%2d:%2d%n:%2d%n", &tm->tm_hour, &tm->tm_min, &used, &tm->tm_sec,
		   &used) < 2)
		return NULL;
	return p + 1 + used;
}

static bool read_date(const char *text, int64_t *out)
{
	struct tm tm = { 0 }, asked;
	const char *rest = read_calendar(text, &tm);
	int offset;
	bool local;

	if (!rest || tm.tm_year < 70 || tm.tm_year > 8099 ||
	    !read_offset(rest, &offset, &local))
		return false;
	asked = tm;
	*out = local ? mktime(&tm) : timegm(&tm) - offset;
	/* 30 February would have become 2 March; an hour skipped in spring may move. */
	return tm.tm_mon == asked.tm_mon && tm.tm_mday == asked.tm_mday &&
	       asked.tm_hour < 24 && asked.tm_min < 60 && asked.tm_sec < 60;
}

int when_parse(const char *text, int64_t now, int64_t *out, struct err *e)
{
	const char *rest;
	int64_t v;

	if (read_date(text, out))
		return 0;
	if (when_span(text, &v, &rest)) {
		bool relative = rest > text && (rest[-1] < '0' || rest[-1] > '9');

		rest += strspn(rest, " ");
		if (relative && strcmp(rest, "ago") == 0)
			rest += 3;
		if (!*rest && (!relative || v <= now)) {
			*out = relative ? now - v : v;
			return 0;
		}
	}
	return err_set(e, -EINVAL,
		       "\"%s\" is no time such as 2026-11-23, 2026-11-23T07:20 or 7d", text);
}

const char *when_text(int64_t seconds, char *out)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	*out = 0;
	if (seconds && localtime_r(&t, &tm))
		strftime(out, WHEN_TEXT, "%Y-%m-%d %H:%M:%S", &tm);
	return out;
}
