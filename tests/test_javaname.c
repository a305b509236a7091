/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/javaname.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

/* Arguments are written with | between them here. */
static const struct {
	const char *args, *app;
} rows[] = {
	{ "java|-jar|/opt/shop/shop.jar|--port|80", "shop.jar" },
	{ "java|-jar|shop.jar", "shop.jar" },
	{ "java|-Xmx1g|-jar|-Dx=y|/a/b.jar|c.jar", "b.jar" },
	{ "java|-cp|a.jar:b.jar|com.shop.Main|x", "com.shop.Main" },
	{ "java|-classpath|/etc/hadoop:/x/*|org.apache.hadoop.hdfs.server.namenode.NameNode",
	  "org.apache.hadoop.hdfs.server.namenode.NameNode" },
	{ "java|--class-path|x|Main", "Main" },
	{ "java|--class-path=x|Main", "Main" },
	{ "/usr/bin/java|-javaagent:/opt/agent.jar=x|-Dfile.encoding=UTF-8|-XX:+UseG1GC|"
	  "-agentlib:jdwp=transport=dt_socket|org.apache.catalina.startup.Bootstrap|start",
	  "org.apache.catalina.startup.Bootstrap" },
	{ "java|-p|mods|-m|shop/com.shop.Main", "com.shop.Main" },
	{ "java|--module-path|mods|--module|shop", "shop" },
	{ "java|--module=shop/com.shop.Main|a", "com.shop.Main" },
	{ "java|--add-opens|java.base/java.lang=ALL-UNNAMED|--add-modules|ALL|Main", "Main" },
	{ "java|--add-opens=java.base/java.lang=ALL-UNNAMED|Main", "Main" },
	{ "java|@/etc/java.args|-cp|x|Main", "Main" },
	{ "java|--source|17|/srv/Tool.java|x", "Tool.java" },
	{ "java|-d64|-server|Main", "Main" },
	{ "java|org/shop/Main", "org/shop/Main" }, /* the launcher takes slashes too */
	{ "java||Main", "Main" },
	{ "java|-version", "" },
	{ "java|-jar", "" },
	{ "java|-cp", "" },
	{ "java|-m", "" },
	{ "java|--module=", "" },
	{ "java", "" },
	{ "", "" },
};

START_TEST(apps)
{
	char args[512], out[128];
	size_t n = strlen(rows[_i].args);

	strcpy(args, rows[_i].args);
	for (char *p = args; *p; p++)
		if (*p == '|')
			*p = 0;
	ck_assert(javaname(args, n ? n + 1 : 0, out, sizeof(out)) == (*rows[_i].app != 0));
	ck_assert_str_eq(out, rows[_i].app);
	for (size_t cut = 0; cut <= n; cut++) { /* what is cut is never half told */
		char *copy = malloc(cut ? cut : 1);

		memcpy(copy, args, cut);
		if (javaname(copy, cut, out, sizeof(out)))
			ck_assert_str_eq(out, rows[_i].app);
		free(copy);
	}
}
END_TEST

START_TEST(java_is_java)
{
	ck_assert(javaname_is_java("java"));
	ck_assert(javaname_is_java("javaw"));
	ck_assert(!javaname_is_java("javac"));
	ck_assert(!javaname_is_java(""));
}
END_TEST

START_TEST(long_ones_are_cut)
{
	char out[5];

	ck_assert(javaname("java\0com.shop.Main", 19, out, sizeof(out)));
	ck_assert_str_eq(out, "com.");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, apps, 0, (int)(sizeof(rows) / sizeof(*rows)));
	tcase_add_test(t, java_is_java);
	tcase_add_test(t, long_ones_are_cut);
	return unit_run("javaname", t);
}
