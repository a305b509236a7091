/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/secret.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

enum {
	NAME_MOST = 64, /* characters of a name that are looked at, its last ones */
	RANDOM_LEAST = 20,
	RANDOM_TURNS = 20, /* of 100 characters, see turns() */
};

/* Names; written as plain() makes them */

/* A name with one of these in it is a secret's ... */
static const char *const parts[] = {
	"password",   "passwd",	    "passphrase", "passwort",	   "motdepasse",
	"secret",     "token",	    "apikey",	  "accesskey",	   "privatekey",
	"credential", "accountkey", "sharedkey",  "masterkey",	   "signingkey",
	"sessionkey", "licensekey", "userpwd",	  "encryptionkey", "authorization",
	"basicauth",  "httpauth",
};
/* ... or one that ends like this, or is this ... */
static const char *const tails[] = { "pass", "pwd", "passw", "signature" };
static const char *const wholes[] = { "pw",	   "psw",	 "sig",	   "cookie",
				      "setcookie", "masterauth", "passin", "passout" };
/* ... unless it ends like one of these, or has one of those in it. */
static const char *const harmless_tails[] = {
	"file",	  "path",   "dir",	 "store",    "ttl",	 "timeout",  "length",
	"policy", "name",   "type",	 "expiry",   "url",	 "uri",	     "endpoint",
	"class",  "stdin",  "algorithm", "provider", "prompt",	 "enabled",  "count",
	"limit",  "size",   "version",	 "mode",     "format",	 "encoder",  "server",
	"host",	  "port",   "service",	 "lifetime", "rotation", "manager",  "backend",
	"id",	  "bypass", "compass",	 "interval", "issuer",	 "audience", "attempts",
};
static const char *const harmless_parts[] = { "tokeniz", "maxtoken", "mintoken", "numtoken" };
/* Beside those that say nothing else: what is meant even before a colon without a space. */
static const char *const exacts[] = {
	"password",
	"passwd",
	"passphrase",
	"pass",
	"pwd",
	"pw",
	"secret",
	"token",
	"apikey",
	"xapikey",
	"accesstoken",
	"idtoken",
	"cookie",
	"setcookie",
	"xauthtoken",
	"secretkey",
	"refreshtoken",
	"clientsecret",
	"accesskey",
	"privatekey",
	"credentials",
	"authorization",
	"proxyauthorization",
};
static const char *const headers[] = { "cookie", "setcookie", "authorization",
				       "proxyauthorization" };
static const char *const flags[] = { "no",   "ask",    "disable", "enable", "skip",
				     "show", "prompt", "use",	  "allow",  "generate" };

static bool is(const char *s, const char *with)
{
	return strcmp(s, with) == 0;
}

static bool has(const char *s, const char *with)
{
	return strstr(s, with) != NULL;
}

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool any(const char *s, const char *const *list, size_t n,
		bool (*test)(const char *, const char *))
{
	for (size_t i = 0; i < n; i++)
		if (test(s, list[i]))
			return true;
	return false;
}

#define ANY(s, list, test) any(s, list, LENGTH(list), test)

/* Small letters and digits alone. */
static void plain(const char *name, size_t n, char out[NAME_MOST + 1])
{
	size_t o = 0;

	for (size_t i = n > NAME_MOST ? n - NAME_MOST : 0; i < n; i++)
		if (isalnum((unsigned char)name[i]))
			out[o++] = (char)tolower((unsigned char)name[i]);
	out[o] = 0;
}

struct secret_name secret_name(const char *name, size_t n)
{
	struct secret_name r = { 0 };
	char s[NAME_MOST + 1];

	plain(name, n, s);
	if (ANY(s, harmless_tails, text_ends) || ANY(s, harmless_parts, has))
		return r;
	r.secret = ANY(s, parts, has) || ANY(s, tails, text_ends) || ANY(s, wholes, is);
	r.exact = ANY(s, exacts, is);
	r.header = ANY(s, headers, text_ends); /* curl -HCookie: */
	r.path = is(s, "pwd") || is(s, "oldpwd");
	r.flag = ANY(s, flags, begins);
	return r;
}

/* Words */

static bool is_url64(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

bool secret_word_char(char c)
{
	return is_url64(c) || c == '+' || c == '/';
}

static size_t run(const char *s, size_t n, bool (*test)(char))
{
	size_t i = 0;

	while (i < n && test(s[i]))
		i++;
	return i;
}

static bool dotted(char c)
{
	return is_url64(c) || c == '.';
}

/* Keys that tell whose they are by how they begin. */
static size_t known_key(const char *s, size_t n)
{
	static const char *const prefixes[] = {
		"AKIA",	       "ASIA",	   "ghp_",     "gho_",	   "ghu_",  "ghs_",
		"ghr_",	       "glpat-",   "glrt-",    "xoxb-",	   "xoxp-", "xoxa-",
		"xoxs-",       "AIza",	   "npm_",     "hvs.",	   "SG.",   "pypi-",
		"ya29.",       "sk_live_", "sk_test_", "rk_live_", "sk-",   "dop_v1_",
		"github_pat_", "whsec_",
	};
	size_t len = run(s, n, dotted);

	for (size_t i = 0; i < LENGTH(prefixes); i++) {
		size_t m = strlen(prefixes[i]);

		if (len >= m + 16 && memcmp(s, prefixes[i], m) == 0)
			return len;
	}
	return 0;
}

/* RFC 7519: a header, which is JSON and so begins with eyJ, and more behind a dot. */
static size_t web_token(const char *s, size_t n)
{
	size_t head = run(s, n, is_url64), len = run(s, n, dotted);

	return n > 3 && head >= 12 && len > head && memcmp(s, "eyJ", 3) == 0 ? len : 0;
}

static bool is_uuid(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return n == 36;
}

/*
 * How often one kind of character follows another: a capital after a small letter, a digit
 * after a letter, a letter after a digit.  44 of 100 in base64, 10 to 20 in CamelCase.
 */
static unsigned turns(const char *s, size_t n)
{
	unsigned count = 0;

	for (size_t i = 1; i < n; i++) {
		unsigned char a = (unsigned char)s[i - 1], b = (unsigned char)s[i];

		count += (islower(a) && isupper(b)) || (isalpha(a) && isdigit(b)) ||
			 (isdigit(a) && isalpha(b));
	}
	return count;
}

static bool looks_random(const char *s, size_t n)
{
	size_t digits = 0, letters = 0, hex = 0, small = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		digits += isdigit(c) != 0;
		letters += isalpha(c) != 0;
		small += islower(c) != 0;
		hex += isxdigit(c) != 0;
	}
	if (n < RANDOM_LEAST || !digits || !letters || is_uuid(s, n))
		return false;
	if (hex == n || (digits + letters == n && !small && digits > 1))
		return true; /* base 16, base 32 */
	return turns(s, n) * 100 >= RANDOM_TURNS * (digits + letters);
}

static bool no_slash(char c)
{
	return secret_word_char(c) && c != '/';
}

size_t secret_word(const char *s, size_t n, bool path)
{
	size_t len = known_key(s, n);

	len = len ? len : web_token(s, n);
	if (len)
		return len;
	len = run(s, n, path ? no_slash : secret_word_char);
	if (!looks_random(s, len))
		return 0;
	for (int padding = 0; padding < 2 && len < n && s[len] == '='; padding++)
		len++;
	return len;
}

bool secret_scheme(const char *s, size_t n)
{
	return (n == 6 && strncasecmp(s, "bearer", 6) == 0) ||
	       (n == 5 && !memcmp(s, "Basic", 5));
}

/* Programs */

enum form { ATTACHED = 1, NEXT = 2, BOTH = 3 };

struct secret_tool {
	const char *names; /* with a space before and after each */
	struct {
		const char *word;
		enum form form;
		enum secret_part part;
	} option[6];
};

/* clang-format off */
static const struct secret_tool tools[] = {
	{ " mysql mysqldump mysqladmin mysqlimport mysqlshow mysqlcheck mysqlslap mysqlbinlog"
	  " mysqlpump mysqlsh mariadb mariadb-dump mariadb-admin mariadb-import mariadb-check"
	  " mariadb-backup mariabackup xtrabackup ", { { "-p", ATTACHED, PART_ALL } } },
	{ " 7z 7za 7zr 7zz rar unrar ", { { "-p", ATTACHED, PART_ALL } } },
	{ " sshpass mongo mongosh mongodump mongorestore mongoexport mongoimport cqlsh"
	  " rabbitmqadmin cbq az beeline useradd usermod ", { { "-p", BOTH, PART_ALL } } },
	{ " login ", { { "-p", BOTH, PART_ALL } } }, /* docker login, helm registry login */
	{ " ldapsearch ldapmodify ldapadd ldapdelete ldappasswd ldapwhoami ldapcompare ",
	  { { "-w", BOTH, PART_ALL }, { "-s", BOTH, PART_ALL }, { "-a", BOTH, PART_ALL } } },
	{ " redis-cli valkey-cli keydb-cli ", { { "-a", BOTH, PART_ALL } } },
	{ " curl ", { { "-u", BOTH, PART_COLON }, { "-U", BOTH, PART_COLON },
		      { "--user", BOTH, PART_COLON }, { "--proxy-user", BOTH, PART_COLON },
		      { "-b", BOTH, PART_EQUALS } } },
	{ " http https xh ", { { "-a", BOTH, PART_COLON }, { "--auth", BOTH, PART_COLON } } },
	{ " ssh-keygen ", { { "-N", BOTH, PART_ALL }, { "-P", BOTH, PART_ALL } } },
	{ " zip unzip ipmitool sqlcmd bcp isql osql tsql mosquitto_pub mosquitto_sub ",
	  { { "-P", BOTH, PART_ALL } } },
	{ " snmpget snmpgetnext snmpwalk snmpbulkwalk snmpset snmptable snmptrap ",
	  { { "-c", BOTH, PART_ALL }, { "-A", BOTH, PART_ALL }, { "-X", BOTH, PART_ALL } } },
	{ " smbclient smbget rpcclient winexe wmic ",
	  { { "-U", BOTH, PART_PERCENT }, { "--user", BOTH, PART_PERCENT } } },
	{ " lftp ", { { "-u", BOTH, PART_COMMA } } },
	{ " plink pscp psftp ", { { "-pw", NEXT, PART_ALL } } },
	{ " openssl ", { { "-k", NEXT, PART_ALL }, { "-K", NEXT, PART_ALL },
			 { "-pass", NEXT, PART_ALL } } },
	{ " ssh scp sftp rsync git ", { { NULL, 0, PART_NONE } } }, /* behind sshpass */
	{ " dig nsupdate ", { { "-y", BOTH, PART_COLON } } },
	{ " sqlplus sqlldr expdp impdp rman ", { { "", NEXT, PART_SLASH } } },
};
/* clang-format on */

const struct secret_tool *secret_tool(const char *s, size_t n)
{
	const char *slash = n ? memrchr(s, '/', n) : NULL;
	char word[34] = " ";

	if (slash) {
		n -= (size_t)(slash - s) + 1;
		s = slash + 1;
	}
	if (!n || n > sizeof(word) - 3)
		return NULL;
	memcpy(word + 1, s, n);
	memcpy(word + 1 + n, " ", 2);
	for (size_t i = 0; i < LENGTH(tools); i++)
		if (!memchr(s, 0, n) && strstr(tools[i].names, word))
			return &tools[i];
	return NULL;
}

/* "-sSfu": the last letter of a few has its value behind. */
static bool is_cluster(const char *option, size_t n, char letter)
{
	if (n < 3 || n > 6 || option[n - 1] != letter)
		return false;
	for (size_t i = 1; i < n; i++)
		if (!isalpha((unsigned char)option[i]))
			return false;
	return true;
}

enum secret_part secret_option(const struct secret_tool *tool, const char *option, size_t n,
			       size_t *at, enum secret_part *attached)
{
	for (size_t i = 0; i < LENGTH(tool->option) && tool->option[i].word; i++) {
		const char *word = tool->option[i].word;
		enum form form = tool->option[i].form;
		size_t m = strlen(word);
		bool is_short = m == 2;

		if (!m)
			continue;
		if (n == m && memcmp(option, word, n) == 0)
			return form & NEXT ? tool->option[i].part : PART_NONE;
		if (form & NEXT && is_short && is_cluster(option, n, word[1]))
			return tool->option[i].part;
		if (form & ATTACHED && n > m && memcmp(option, word, m) == 0 &&
		    (is_short || option[m] == '=')) {
			*attached = tool->option[i].part;
			*at = is_short ? m : m + 1;
		}
	}
	return PART_NONE;
}

enum secret_part secret_positional(const struct secret_tool *tool)
{
	const char *word = tool->option[0].word;

	return word && !*word ? tool->option[0].part : PART_NONE;
}
