/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

#define JWT "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN"
#define HEX40 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define B64 "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ"

/* Arguments are written with | between them here; "" is: nothing changes but the bars. */
static const struct {
	const char *args, *out;
} rows[] = {
	/* Options */
	{ "app|--password=hunter2", "app --password=***" },
	{ "app|--password|hunter2|-v", "app --password *** -v" },
	{ "app|--password=my secret phrase|x", "app --password=*** x" },
	{ "app|--password|my secret phrase|x", "app --password *** x" },
	{ "app|-password|hunter2", "app -password ***" },
	{ "app|--db-password|hunter2", "app --db-password ***" },
	{ "app|--DB_PASSWD=hunter2", "app --DB_PASSWD=***" },
	{ "app|--token|abc|--secret|def", "app --token *** --secret ***" },
	{ "app|--api-key=abc123", "app --api-key=***" },
	{ "app|--apiKey|abc123", "app --apiKey ***" },
	{ "app|--api_key:abc123", "app --api_key:***" },
	{ "app|--private-key=MIIEabc", "app --private-key=***" },
	{ "app|--client-secret=s3cr3t&x;y,z", "app --client-secret=***" },
	{ "app|--aws-secret-access-key|abc/def", "app --aws-secret-access-key ***" },
	{ "app|--credentials=u:p", "app --credentials=***" },
	{ "app|--pwd|x", "app --pwd *" },
	{ "app|--pass|ab", "app --pass **" },
	{ "app|--pw=abcd", "app --pw=***" },
	{ "app|--password='a b' c", "app --password='***" },
	{ "app|--passphrase|x y z", "app --passphrase ***" },
	{ "java|-Ddb.password=hunter2|-jar|a.jar", "java -Ddb.password=*** -jar a.jar" },
	{ "java|-Djavax.net.ssl.keyStorePassword=changeit",
	  "java -Djavax.net.ssl.keyStorePassword=***" },
	{ "java|-Dapp.jwt.secret=abc|-Dx=y", "java -Dapp.jwt.secret=*** -Dx=y" },
	{ "redis-server|--requirepass|foobared", "redis-server --requirepass ***" },
	{ "redis-server|--masterauth|foobared", "redis-server --masterauth ***" },
	{ "openssl|enc|-passin|pass:hunter2|-in|x", "openssl enc -passin *** -in x" },
	{ "openssl|enc|-pass|pass:hunter2|-in|x", "openssl enc -pass *** -in x" },
	/* Variables */
	{ "env|PGPASSWORD=hunter2|psql|-h|db", "env PGPASSWORD=*** psql -h db" },
	{ "docker|run|-e|MYSQL_ROOT_PASSWORD=hunter2|mysql",
	  "docker run -e MYSQL_ROOT_PASSWORD=*** mysql" },
	{ "docker|run|--env=API_TOKEN=hunter2|x", "docker run --env=API_TOKEN=*** x" },
	{ "sh|-c|cd /x && PGPASSWORD=hunter2 psql -h db",
	  "sh -c cd /x && PGPASSWORD=*** psql -h db" },
	{ "sh|-c|export PASSWORD='hunter two' && run", "sh -c export PASSWORD='***' && run" },
	{ "sh|-c|x --password \"hunter2\" --port 1", "sh -c x --password \"***\" --port 1" },
	{ "sh|-c|mysql -phunter2 -h db shop | cat", "sh -c mysql -p*** -h db shop | cat" },
	/* Programs */
	{ "mysql|-uroot|-phunter2|shop", "mysql -uroot -p*** shop" },
	{ "mysqldump|-u|root|-phunter2", "mysqldump -u root -p***" },
	{ "/usr/bin/mariadb|-phunter2", "/usr/bin/mariadb -p***" },
	{ "sudo|mysqladmin|-phunter2|ping", "sudo mysqladmin -p*** ping" },
	{ "sshpass|-p|hunter2|ssh|u@h", "sshpass -p *** ssh u@h" },
	{ "sshpass|-phunter2|ssh|-p|22|u@h", "sshpass -p*** ssh -p 22 u@h" },
	{ "curl|-u|joe:hunter2|http://h/", "curl -u joe:*** http://h/" },
	{ "curl|-sSfu|joe:hunter2|http://h/", "curl -sSfu joe:*** http://h/" },
	{ "curl|-ujoe:hunter2|http://h/", "curl -ujoe:*** http://h/" },
	{ "curl|--user|joe:hunter2|http://h/", "curl --user joe:*** http://h/" },
	{ "curl|--user=joe:hunter2", "curl --user=joe:***" },
	{ "mongodump|-u|joe|-p|hunter2", "mongodump -u joe -p ***" },
	{ "redis-cli|-h|r|-a|hunter2|get|x", "redis-cli -h r -a *** get x" },
	{ "ldapsearch|-x|-D|cn=admin,dc=x|-w|hunter2",
	  "ldapsearch -x -D cn=admin,dc=x -w ***" },
	{ "docker|login|-u|joe|-p|hunter2|reg.x", "docker login -u joe -p *** reg.x" },
	{ "snmpwalk|-v2c|-c|public|h", "snmpwalk -v2c -c *** h" },
	{ "smbclient|//h/s|-U|joe%hunter2", "smbclient //h/s -U joe%***" },
	{ "mount.cifs|//h/s|/mnt|-o|username=joe,password=hunter2,rw",
	  "mount.cifs //h/s /mnt -o username=joe,password=***,rw" },
	{ "sqlplus|joe/hunter2@db", "sqlplus joe/***@db" },
	{ "7z|a|-phunter2|x.7z", "7z a -p*** x.7z" },
	{ "lftp|-u|joe,hunter2|h", "lftp -u joe,*** h" },
	{ "curl|-b|session=abc; x=def|http://h/", "curl -b session=*** http://h/" },
	{ "curl|-b|jar.txt|http://h/", "" },
	{ "http|-a|joe:hunter2|h/x", "http -a joe:*** h/x" },
	{ "x|--basic-auth|joe:hunter2", "x --basic-auth ***" },
	{ "x|--auth=ldap|--auth-type|basic", "" },
	{ "ssh-keygen|-t|rsa|-N|hunter2|-f|k", "ssh-keygen -t rsa -N *** -f k" },
	{ "keytool|-list|-storepass|hunter2|-v", "keytool -list -storepass *** -v" },
	{ "helm|install|--set|auth.password=hunter2", "helm install --set auth.password=***" },
	/* URLs and connection strings */
	{ "x|postgres://joe:hunter2@db/shop", "x postgres://joe:***@db/shop" },
	{ "x|--url=redis://:hunter2@r:6379/0", "x --url=redis://:***@r:6379/0" },
	{ "x|amqp://joe:hun@ter2@h:5672/v", "x amqp://joe:***@h:5672/v" },
	{ "x|http://joe:hun/ter2@h/p", "x http://joe:***@h/p" },
	{ "x|mongodb://a:pw1@h1,mongodb://b:pw2@h2",
	  "x mongodb://a:***@h1,mongodb://b:***@h2" },
	{ "x|https://h/p?user=joe&token=abc&x=1#f", "x https://h/p?user=joe&token=***&x=1#f" },
	{ "x|https://h/p?sig=a%2Fb&se=2024", "x https://h/p?sig=***&se=2024" },
	{ "x|jdbc:mysql://h:3306/db?user=joe&password=hunter2&useSSL=true",
	  "x jdbc:mysql://h:3306/db?user=joe&password=***&useSSL=true" },
	{ "x|jdbc:sqlserver://h;user=sa;password=hunter2;encrypt=true",
	  "x jdbc:sqlserver://h;user=sa;password=***;encrypt=true" },
	{ "x|jdbc:oracle:thin:joe/hunter2@//h:1521/x",
	  "x jdbc:oracle:thin:joe/***@//h:1521/x" },
	{ "x|Server=db;User Id=sa;Password=hunter 2;Encrypt=true",
	  "x Server=db;User Id=sa;Password=***;Encrypt=true" },
	{ "psql|host=db user=joe password=hunter2 dbname=shop",
	  "psql host=db user=joe password=*** dbname=shop" },
	{ "x|http://joe:hunter2", "x http://joe:***" }, /* cut off by somebody */
	/* Headers, documents */
	{ "curl|-H|Authorization: Bearer abcdef", "curl -H Authorization: Bearer ***" },
	{ "curl|-HAuthorization: Basic am9lOg==", "curl -HAuthorization: Basic ***" },
	{ "curl|-H|authorization:abcdef", "curl -H authorization:***" },
	{ "curl|-H|X-Api-Key: abcdef", "curl -H X-Api-Key: ***" },
	{ "curl|-H|Cookie: a=b; c=d", "curl -H Cookie: ***" },
	{ "curl|-d|{\"user\":\"joe\",\"password\":\"hunter2\",\"x\":1}",
	  "curl -d {\"user\":\"joe\",\"password\":\"***\",\"x\":1}" },
	{ "curl|-d|{\"token\": \"ab c\"}", "curl -d {\"token\": \"***\"}" },
	{ "curl|-d|user=joe&password=hunter2&x=1", "curl -d user=joe&password=***&x=1" },
	{ "x|Bearer|abcdef", "x Bearer ***" },
	{ "x|-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----|y", "x *** y" },
	/* By their looks */
	{ "x|" JWT, "x ***" },
	{ "x|--header=" JWT "|y", "x --header=*** y" },
	{ "x|AKIAIOSFODNN7EXAMPLE", "x ***" },
	{ "x|--id=ASIAIOSFODNN7EXAMPLE,y", "x --id=***,y" },
	{ "x|ghp_16C7e42F292c6912E7710c838347Ae178B4a", "x ***" },
	{ "x|https://ghp_16C7e42F292c6912E7710c838347Ae178B4a@github.com/a/b",
	  "x https://***@github.com/a/b" },
	{ "x|glpat-abcdefghij0123456789", "x ***" },
	{ "x|" HEX40, "x ***" },
	{ "x|--opt=" B64 "==", "x --opt=***" },
	{ "x|" B64 "," B64, "x ***,***" },
	{ "x|/run/" HEX40 "/sock", "x /run/***/sock" },
	{ "x|JBSWY3DPEHPK3PXPJBSWY3DP", "x ***" },
	/* What must stay */
	{ "nginx: master process /usr/sbin/nginx -g daemon on; master_process on;", "" },
	{ "/usr/sbin/nginx|-g|daemon off;", "" },
	{ "java|-Xmx1g|-XX:+HeapDumpOnOutOfMemoryError|-cp|a.jar|com.shop.Main", "" },
	{ "java|-Djava.util.concurrent.ForkJoinPool.common.parallelism=8|x.Main", "" },
	{ "node|--max-old-space-size=512|--require|ts-node/register|server.js", "" },
	{ "vault|--secret-name=db|--token-ttl=30m|--password-file=/run/pw", "" },
	{ "x|--tokenizer=bpe|--max-tokens=50|--secrets-dir=/run/secrets", "" },
	{ "x|--host|token-server:8443|--image|vault-secret:v1.2", "" },
	{ "x|--no-password|db", "" },
	{ "x|--ask-pass|db", "" },
	{ "x|--password|--host|db", "" },
	{ "mysql|-p|shop", "" },
	{ "docker|run|-p|8080:80|-u|1000:1000|nginx", "" },
	{ "ssh|-p|2222|joe@h", "" },
	{ "psql|-U|joe|-h|db|-p|5432|shop", "" },
	{ "curl|-o|x|http://h:8080/p?q=1", "" },
	{ "x|http://h:8080", "" },
	{ "x|http://[::1]:80/", "" },
	{ "x|postgres://joe@db/shop", "" },
	{ "x|--zookeeper=zk1:2181,zk2:2181/kafka", "" },
	{ "x|2f0a3c1d-6b1e-4d0e-9d53-0a1b2c3d4e5f", "" },
	{ "x|/usr/lib/jvm/java-17-openjdk-amd64/bin/java", "" },
	{ "x|--compass=north|--bypass=true", "" },
	{ "x|PWD=/root|OLDPWD=/srv", "" },
	{ "x|/etc/letsencrypt/live/www.shop.example/privkey.pem", "" },
	{ "x|20240101120000123456789", "" },
	{ "postgres|-D|/var/lib/postgresql/15/main|-c|config_file=/etc/postgresql/x.conf",
	  "" },
	{ "sshd: joe [priv]", "" },
	{ "a||b", "a  b" },
	{ "", "" },
};

static char *nul_separated(const char *text, size_t *n)
{
	char *s = strdup(text);

	*n = strlen(s) ? strlen(s) + 1 : 0;
	for (char *p = s; *p; p++)
		if (*p == '|' && !strstr(text, " | "))
			*p = 0;
		else if (*p == '|' && p[1] != ' ')
			*p = 0;
	return s;
}

START_TEST(table)
{
	char out[1024], want[1024];
	size_t n;
	char *args = nul_separated(rows[_i].args, &n);

	strcpy(want, rows[_i].out);
	if (!*want)
		for (size_t i = 0; i + 1 < n; i++)
			strcat(want, (char[]){ args[i] ? args[i] : ' ', 0 });
	redact_args(args, n, out, sizeof(out));
	ck_assert_str_eq(out, want);
	free(args);
}
END_TEST

/* A command line that was cut anywhere gives nothing away that it did not as a whole. */
START_TEST(cut_anywhere)
{
	char out[1024];
	size_t n;
	char *args = nul_separated(rows[_i].args, &n);

	for (size_t cut = 0; cut <= n; cut++) {
		char *copy = malloc(cut ? cut : 1);

		memcpy(copy, args, cut);
		redact_args(copy, cut, out, sizeof(out));
		ck_assert_uint_le(strlen(out), cut);
		if (memchr(args, 0, cut))
			ck_assert_ptr_null(strstr(out, "hunter"));
		free(copy);
	}
	free(args);
}
END_TEST

START_TEST(room_is_kept)
{
	static const char args[] = "app\0--password=hunter2\0--verbose";
	char out[64];

	for (size_t cap = 1; cap < sizeof(out); cap++) {
		memset(out, 'x', sizeof(out));
		redact_args(args, sizeof(args), out, cap);
		ck_assert_uint_lt(strlen(out), cap);
		ck_assert_int_eq(strncmp(out, "app --password=*** --verbose", strlen(out)), 0);
	}
}
END_TEST

/* What is longer than is read ends with a whole argument. */
START_TEST(long_ones_are_cut)
{
	static char args[3 * REDACT_MAX], out[3 * REDACT_MAX];
	size_t n = 0;

	while (n + 30 < sizeof(args))
		n += (size_t)sprintf(args + n, "--password=hunter%zu", n) + 1;
	redact_args(args, n, out, sizeof(out));
	ck_assert_uint_gt(strlen(out), REDACT_MAX / 3);
	ck_assert_uint_le(strlen(out), REDACT_MAX);
	ck_assert_ptr_null(strstr(out, "hunter"));
	ck_assert_str_eq(out + strlen(out) - 3, "***");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");
	int n = (int)(sizeof(rows) / sizeof(*rows));

	tcase_add_loop_test(t, table, 0, n);
	tcase_add_loop_test(t, cut_anywhere, 0, n);
	tcase_add_test(t, room_is_kept);
	tcase_add_test(t, long_ones_are_cut);
	return unit_run("redact", t);
}
