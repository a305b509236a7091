/* SPDX-License-Identifier: Apache-2.0 */
#include "common/config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit.h"

static char dir[] = "/tmp/skein-config-XXXXXX";
static char main_file[64], folder[64], second[96], first[96], other[96];
static struct config config;
static struct err err;

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void set_up(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(main_file, sizeof(main_file), "%s/sensor.conf", dir);
	snprintf(folder, sizeof(folder), "%s/sensor.d", dir);
	snprintf(first, sizeof(first), "%s/10-a.conf", folder);
	snprintf(second, sizeof(second), "%s/9-b.conf", folder);
	snprintf(other, sizeof(other), "%s/x.conf.dpkg-old", folder);
	err = (struct err){ 0 };
}

static void tear_down(void)
{
	config_free(&config);
	unlink(main_file), unlink(first), unlink(second), unlink(other);
	rmdir(folder);
	rmdir(dir);
}

static void has(unsigned i, const char *file, int line, const char *key, const char *value)
{
	ck_assert_uint_gt(config.n, i);
	ck_assert_str_eq(config.line[i].file, file);
	ck_assert_int_eq(config.line[i].line, line);
	ck_assert_str_eq(config.line[i].key, key);
	ck_assert_str_eq(config.line[i].value, value);
}

START_TEST(keys_come_in_order_with_their_place)
{
	put(main_file, "# a comment\n\ncollector = [fd00::1]:7700\n  \ninterval=5s ; why\n"
		       "deny-kernels =");
	ck_assert_int_eq(config_read(&config, main_file, &err), 0);
	ck_assert_uint_eq(config.n, 3);
	has(0, main_file, 3, "collector", "[fd00::1]:7700");
	has(1, main_file, 5, "interval", "5s");
	has(2, main_file, 6, "deny-kernels", "");
}
END_TEST

START_TEST(the_folder_comes_after_by_name)
{
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	put(main_file, "interval = 1s\n");
	put(second, "interval = 3s\n");
	put(first, "interval = 2s\n");
	put(other, "interval = 4s\n");
	ck_assert_int_eq(config_read(&config, main_file, &err), 0);
	ck_assert_uint_eq(config.n, 3);
	has(1, first, 1, "interval", "2s");
	has(2, second, 1, "interval", "3s");
}
END_TEST

static void refused(const char *text, int line, const char *words)
{
	char at[96];

	put(main_file, text);
	config_free(&config);
	ck_assert_int_eq(config_read(&config, main_file, &err), -EINVAL);
	snprintf(at, sizeof(at), "%s:%d: ", main_file, line);
	ck_assert_msg(!strncmp(err.msg, at, strlen(at)) && strstr(err.msg, words), "%s",
		      err.msg);
	ck_assert_ptr_null(strchr(err.msg, '\n'));
}

START_TEST(what_makes_no_sense_is_refused_at_its_line)
{
	char text[4096] = "a = 1\nb = ";

	refused("a = 1\nnonsense\n", 2, "key = value");
	refused("a = 1\n[sensor]\nb = 2\n", 3, "section");
	memset(text + strlen(text), 'x', 300);
	refused(text, 2, "too long");
	text[0] = 0;
	for (int i = 0; i <= CONFIG_LINES_MAX; i++)
		strcat(text, "a = 1\n");
	refused(text, CONFIG_LINES_MAX + 1, "too many");
}
END_TEST

START_TEST(a_file_that_is_not_there)
{
	ck_assert_int_eq(config_read(&config, main_file, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, main_file));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, keys_come_in_order_with_their_place);
	tcase_add_test(t, the_folder_comes_after_by_name);
	tcase_add_test(t, what_makes_no_sense_is_refused_at_its_line);
	tcase_add_test(t, a_file_that_is_not_there);
	return unit_run("config", t);
}
