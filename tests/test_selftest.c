/* SPDX-License-Identifier: Apache-2.0 */
/* What the self-test says of findings, and how checks are written. */
#include "sensor/selftest_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/exits.h"
#include "common/fact.h"
#include "tests/unit.h"

#define DAY 86400
#define NOW 1767268800 /* 2026-01-01 12:00 UTC */
#define ALL_RIGHTS                                                                            \
	(1ull << 39 | 1ull << 38 | 1ull << 19 | 1 << 2 | 1 << 12 | 1 << 21 | 1 << 24)

static struct check c;

/* A check is complete: of what is not ok it says what to do, and of what is ok it does not. */
static void expect(enum check_status status, const char *found, const char *mend)
{
	ck_assert_msg(strstr(c.found, found) != NULL, "\"%s\" is not in \"%s\"", found,
		      c.found);
	ck_assert_msg(strstr(c.mend, mend) != NULL, "\"%s\" is not in \"%s\"", mend, c.mend);
	ck_assert_msg(c.status == status, "%s: %s", c.name, c.found);
	ck_assert_msg((status == CHECK_OK) == !*c.mend, "%s: \"%s\"", c.name, c.mend);
	ck_assert(*c.name && *c.found);
}

START_TEST(kernels)
{
	struct found_kernel f = { .release = "6.1.0-18-amd64" };

	judge_kernel(&c, &f);
	expect(CHECK_OK, "6.1.0-18-amd64", "");
	f.denied = "it panics";
	judge_kernel(&c, &f);
	expect(CHECK_WARN, "6.1.0-18-amd64; eBPF is not used on it: it panics",
	       "deny-kernels");
	f.forced = true;
	judge_kernel(&c, &f);
	expect(CHECK_FAIL, "it panics", "--poll");
}
END_TEST

START_TEST(type_information)
{
	judge_btf(&c, BTF_GOOD);
	expect(CHECK_OK, "vmlinux", "");
	judge_btf(&c, BTF_MISSING);
	expect(CHECK_WARN, "there is no", "CONFIG_DEBUG_INFO_BTF");
	judge_btf(&c, BTF_UNREADABLE);
	expect(CHECK_WARN, "cannot be read", "sudo");
	judge_btf(&c, BTF_ODD);
	expect(CHECK_WARN, "is not type", "CONFIG_DEBUG_INFO_BTF");
}
END_TEST

START_TEST(rights_name_what_is_not_seen)
{
	struct found_rights f = { .effective = ALL_RIGHTS, .major = 5, .minor = 10 };

	judge_rights(&c, &f);
	expect(CHECK_OK, "all that are needed", "");
	f.effective &= ~(1ull << 24);
	judge_rights(&c, &f);
	expect(CHECK_WARN, "without CAP_SYS_RESOURCE: no memory", "CAP_SYS_RESOURCE");
	f.minor = 11; /* nobody needs it from here on */
	judge_rights(&c, &f);
	expect(CHECK_OK, "all", "");
	f.effective &= ~(1ull << 39 | 1ull << 38);
	judge_rights(&c, &f); /* CAP_SYS_ADMIN has both in it */
	expect(CHECK_OK, "all", "");
	f.effective &= ~(1ull << 21 | 1ull << 12);
	judge_rights(&c, &f);
	expect(CHECK_WARN, "CAP_BPF: no eBPF", "CAP_BPF CAP_PERFMON CAP_NET_ADMIN");
	ck_assert_ptr_nonnull(strstr(c.found, "CAP_NET_ADMIN: no UDP"));
	ck_assert_ptr_null(strstr(c.found, "SYS_PTRACE"));
	f.effective = 0;
	judge_rights(&c, &f);
	expect(CHECK_WARN, "CAP_SYS_PTRACE", "CAP_SYS_ADMIN");
	ck_assert_uint_lt(strlen(c.found), sizeof(c.found) - 1); /* nothing is cut */
}
END_TEST

START_TEST(probes)
{
	struct found_probe f = {
		.ebpf = true, .ebpf_ran = true, .live = 3, .listeners = 2, .ms = 40
	};

	judge_probe(&c, &f);
	expect(CHECK_OK, "3 open connections and 2 listeners", "");
	f.degraded = DEGRADED_NO_UDP;
	judge_probe(&c, &f);
	expect(CHECK_WARN, "no UDP", "cgroup v2");
	f.degraded = DEGRADED_READER;
	judge_probe(&c, &f);
	expect(CHECK_WARN, "their listeners'", "tracepoint");
	f.degraded = 0;
	f.left = -EPERM;
	judge_probe(&c, &f);
	expect(CHECK_OK, "CAP_SYS_ADMIN to tell", "");
	f.left = 2;
	judge_probe(&c, &f);
	expect(CHECK_FAIL, "2 of its objects stayed", "--self-check-clean");
}
END_TEST

START_TEST(probes_that_fall_back)
{
	struct found_probe f = { .ebpf = true, .poll_ran = true, .ebpf_words = "no BTF" };

	judge_probe(&c, &f);
	expect(CHECK_WARN, "by --poll", "kernel, btf");
	ck_assert_ptr_nonnull(strstr(c.found, "since no BTF"));
	f.ebpf = false; /* nobody asked for eBPF */
	judge_probe(&c, &f);
	expect(CHECK_OK, "by --poll", "");
	f.poll_ran = false;
	snprintf(f.poll_words, sizeof(f.poll_words), "no inet_diag");
	judge_probe(&c, &f);
	expect(CHECK_FAIL, "no BTF; nor without eBPF: no inet_diag", "modprobe");
	f = (struct found_probe){ .ebpf = true, .forced = true, .ebpf_words = "no BTF" };
	judge_probe(&c, &f);
	expect(CHECK_FAIL, "no BTF", "leave out --ebpf");
}
END_TEST

START_TEST(places_to_look)
{
	struct found_namespaces n = { .own = 0 };
	struct found_cgroup g = { .reached = true, .own = true };
	struct found_nat t = { .wanted = false };

	judge_namespaces(&c, &n);
	expect(CHECK_OK, "no other", "");
	n.others = n.entered = 3;
	judge_namespaces(&c, &n);
	expect(CHECK_OK, "3 other", "");
	n.entered = 2;
	judge_namespaces(&c, &n);
	expect(CHECK_WARN, "2 of 3", "again");
	n.own = EPERM;
	judge_namespaces(&c, &n);
	expect(CHECK_WARN, "cannot be entered", "CAP_SYS_ADMIN");
	judge_cgroup(&c, &g);
	expect(CHECK_OK, "mount of its own", "");
	g = (struct found_cgroup){ .words = "cgroup v2 cannot be reached" };
	judge_cgroup(&c, &g);
	expect(CHECK_WARN, "no UDP", "mount -t cgroup2");
	judge_nat(&c, &t);
	expect(CHECK_OK, "not listened to", "");
	t.wanted = true;
	snprintf(t.words, sizeof(t.words), "it cannot");
	judge_nat(&c, &t);
	expect(CHECK_WARN, "it cannot", "nf_conntrack_netlink");
	t.heard = true;
	judge_nat(&c, &t);
	expect(CHECK_OK, "can be heard", "");
}
END_TEST

START_TEST(processes_of_others)
{
	struct found_proc f = { .others = 7, .hidepid = "0" };

	judge_proc(&c, &f);
	expect(CHECK_OK, "all 7 processes", "");
	f.shut = 5;
	judge_proc(&c, &f);
	expect(CHECK_WARN, "5 of 7", "CAP_SYS_PTRACE");
	ck_assert_ptr_null(strstr(c.found, "hidepid"));
	f = (struct found_proc){ .hidepid = "invisible" };
	judge_proc(&c, &f);
	expect(CHECK_WARN, "hidepid=invisible", "remount");
}
END_TEST

START_TEST(memory_that_may_be_locked)
{
	struct found_memlock f = { .soft = 65536, .hard = 65536, .major = 5, .minor = 10 };

	judge_memlock(&c, &f);
	expect(CHECK_FAIL, "64 KiB", "LimitMEMLOCK=infinity");
	f.may_raise = true;
	judge_memlock(&c, &f);
	expect(CHECK_OK, "may be raised", "");
	f = (struct found_memlock){
		.soft = 65536, .hard = UINT64_MAX, .major = 5, .minor = 10
	};
	judge_memlock(&c, &f);
	expect(CHECK_OK, "no limit", "");
	f = (struct found_memlock){ .soft = 65536, .hard = 65536, .major = 5, .minor = 11 };
	judge_memlock(&c, &f);
	expect(CHECK_OK, "5.11", "");
}
END_TEST

START_TEST(data_directories)
{
	struct found_data f = { .missing = ENOENT };

	judge_data(&c, "/d", &f);
	expect(CHECK_WARN, "/d is not there", "enroll");
	f.missing = ENOTDIR;
	judge_data(&c, "/d", &f);
	expect(CHECK_FAIL, "/d: Not a directory", "sudo");
	f = (struct found_data){ .refused = EROFS, .free_bytes = 1 << 30 };
	judge_data(&c, "/d", &f);
	expect(CHECK_WARN, "Read-only", "enrolment");
	f = (struct found_data){ .free_bytes = 3 << 20 };
	judge_data(&c, "/d", &f);
	expect(CHECK_WARN, "3 MiB left", "room");
	f.free_bytes = 1 << 30;
	judge_data(&c, "/d", &f);
	expect(CHECK_OK, "1024 MiB free", "");
	judge_config(&c, NULL, NULL);
	expect(CHECK_OK, "no file", "");
	judge_config(&c, "/etc/x", NULL);
	expect(CHECK_OK, "/etc/x", "");
	judge_config(&c, "/etc/x", "/etc/x:3: there is no key y");
	expect(CHECK_FAIL, ":3: there is no key y", "man skein-sensor.conf");
}
END_TEST

START_TEST(identities)
{
	struct found_identity f = { .rc = -ENOENT, .words = "/d is not enrolled", .now = NOW };

	judge_identity(&c, "", 0, &f);
	expect(CHECK_WARN, "not yet", "--collector HOST:PORT --token TOKEN,");
	judge_identity(&c, "fd00::1", 7700, &f);
	expect(CHECK_WARN, "not yet", "--collector [fd00::1]:7700 --token TOKEN,");
	judge_certificate(&c, &f);
	expect(CHECK_OK, "none", "");
	f.rc = -EINVAL;
	judge_identity(&c, "map", 7700, &f);
	expect(CHECK_FAIL, "/d is", "map:7700 --token TOKEN --force");
	f.rc = -EACCES;
	judge_identity(&c, "map", 7700, &f);
	expect(CHECK_FAIL, "/d is", "sudo");
	f.rc = 0;
	snprintf(f.id.sensor, sizeof(f.id.sensor), "s-1");
	judge_identity(&c, "", 0, &f);
	expect(CHECK_OK, "as s-1", "");
}
END_TEST

START_TEST(certificates_begin_and_end)
{
	struct found_identity f = { .now = NOW,
				    .id = { .begins = NOW - DAY, .expires = NOW + 90 * DAY } };

	judge_certificate(&c, &f);
	expect(CHECK_OK, "from 2025-12-31 to 2026-04-01", "");
	f.id.expires = NOW + 30 * DAY;
	judge_certificate(&c, &f);
	expect(CHECK_OK, "to 2026-01-31", "");
	f.id.expires = NOW + 7 * DAY - 1;
	judge_certificate(&c, &f);
	expect(CHECK_WARN, "ends in 6 days", "renews it by itself");
	f.id.expires = NOW;
	judge_certificate(&c, &f);
	expect(CHECK_FAIL, "has ended", "enroll --force");
	f.id = (struct identity){ .begins = NOW + 1, .expires = NOW + DAY };
	judge_certificate(&c, &f);
	expect(CHECK_FAIL, "not begun", "clock");
}
END_TEST

START_TEST(calls)
{
	static const struct {
		enum call_end end;
		enum check_status status;
		const char *found, *mend;
	} rows[] = {
		{ CALL_NOBODY, CHECK_WARN, "none is named", "--collector" },
		{ CALL_UNREACHED, CHECK_FAIL, "reached: the words", "TCP port 7700 open" },
		{ CALL_MUTE, CHECK_FAIL, "10.0.0.1:7700 answers the call", "proxy" },
		{ CALL_TLS, CHECK_FAIL, "10.0.0.1:7700: the words", "authority" },
		{ CALL_CONNECTED, CHECK_OK, "10.0.0.1:7700 takes calls (5 ms)", "" },
		{ CALL_REFUSED, CHECK_FAIL, "refuses: the words", "enroll --force" },
		{ CALL_TAKEN, CHECK_OK, "connected to it already", "" },
		{ CALL_WELCOME, CHECK_OK, "skein-collector 1, welcomes this sensor", "" },
	};
	struct found_call f = { .words = "the words",
				.peer = "10.0.0.1:7700",
				.program = "skein-collector 1",
				.ms = 5 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		f.end = rows[i].end;
		judge_call(&c, "map", 7700, &f);
		expect(rows[i].status, rows[i].found, rows[i].mend);
	}
	f.end = CALL_UNREACHED;
	f.name = true;
	judge_call(&c, "map", 7700, &f);
	expect(CHECK_FAIL, "the words", "getent hosts map");
}
END_TEST

START_TEST(clocks)
{
	struct found_clock f = { .now = NOW, .synchronised = true };

	judge_clock(&c, &f);
	expect(CHECK_OK, "2026-01-01 12:00:00 UTC; synchronised", "");
	f.synchronised = false;
	judge_clock(&c, &f);
	expect(CHECK_WARN, "nobody sets it", "set-ntp");
	f.has_offset = true;
	f.offset_ms = -12;
	judge_clock(&c, &f);
	expect(CHECK_OK, "-12 ms", "");
	f.offset_ms = -5001;
	judge_clock(&c, &f);
	expect(CHECK_WARN, "-5 s", "set-ntp");
	f.offset_ms = 300001;
	judge_clock(&c, &f);
	expect(CHECK_FAIL, "+300 s, beyond", "set-ntp");
	f = (struct found_clock){ .now = 0, .synchronised = true };
	judge_clock(&c, &f);
	expect(CHECK_FAIL, "1970-01-01 00:00:00 UTC; that is not now", "set-ntp");
}
END_TEST

/* What FN writes into a file, as a string that the caller frees. */
static char *written(bool json, bool color, int *status)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = tmpfile();
	struct check_report r = check_begin(out, json);

	r.color = color;
	check_found(&c, CHECK_OK, "a", "b\n\"c\" \xff");
	check_say(&r, &c);
	check_found(&c, CHECK_FAIL, "a longer name than most", "d");
	check_also(&c, CHECK_WARN, "e");
	check_mend(&c, "\033[31mf");
	check_say(&r, &c);
	*status = check_end(&r);
	rewind(out);
	text = calloc(1, 1000);
	n = fread(text, 1, 999, out);
	ck_assert_uint_lt(n, 999);
	fclose(out);
	return text;
}

START_TEST(checks_are_lines)
{
	int status;
	char *text = written(false, false, &status);

	ck_assert_str_eq(text, "ok    a             b\\n\"c\" \xef\xbf\xbd\n"
			       "FAIL  a longer name than most  d; e\n"
			       "      \\x1b[31mf\n");
	ck_assert_int_eq(status, EXITS_NONE);
	free(text);
	text = written(false, true, &status);
	ck_assert_ptr_nonnull(strstr(text, "\033[32mok  \033[0m  a "));
	ck_assert_ptr_nonnull(strstr(text, "\033[31mFAIL\033[0m  a "));
	free(text);
}
END_TEST

START_TEST(checks_are_json)
{
	int status;
	char *text = written(true, false, &status);

	ck_assert_str_eq(
		text,
		"[\n{\"type\":\"check\",\"version\":1,\"name\":\"a\",\"status\":\"ok\","
		"\"found\":\"b\\n\\\"c\\\" \xef\xbf\xbd\",\"mend\":\"\"},\n"
		"{\"type\":\"check\",\"version\":1,\"name\":\"a longer name than most\","
		"\"status\":\"fail\",\"found\":\"d; e\",\"mend\":\"\\u001b[31mf\"}\n]\n");
	free(text);
}
END_TEST

START_TEST(what_is_too_long_is_cut)
{
	char word[700];

	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = 0;
	check_found(&c, CHECK_OK, word, "%s", word);
	check_also(&c, CHECK_WARN, "%s", word);
	check_mend(&c, "%s", word);
	ck_assert_uint_eq(strlen(c.found), sizeof(c.found) - 1);
	ck_assert_uint_eq(strlen(c.name), sizeof(c.name) - 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("selftest");

	tcase_add_test(t, kernels);
	tcase_add_test(t, type_information);
	tcase_add_test(t, rights_name_what_is_not_seen);
	tcase_add_test(t, probes);
	tcase_add_test(t, probes_that_fall_back);
	tcase_add_test(t, places_to_look);
	tcase_add_test(t, processes_of_others);
	tcase_add_test(t, memory_that_may_be_locked);
	tcase_add_test(t, data_directories);
	tcase_add_test(t, identities);
	tcase_add_test(t, certificates_begin_and_end);
	tcase_add_test(t, calls);
	tcase_add_test(t, clocks);
	tcase_add_test(t, checks_are_lines);
	tcase_add_test(t, checks_are_json);
	tcase_add_test(t, what_is_too_long_is_cut);
	return unit_run("selftest", t);
}
