/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/role.h"

#include <stddef.h>
#include <string.h>

const struct role_look role_look[ROLE_COUNT] = {
	[ROLE_NONE] = { "", "#F1F3F6", "#5A6270", "#232a36", "#8f9bb0" },
	[ROLE_INFRA] = { "infrastructure", "#E8E8E8", "#555555", "#33363c", "#a7abb3" },
	[ROLE_APP] = { "application", "#D3F0E6", "#00785A", "#0d3a2f", "#2fc39a" },
	[ROLE_WEB] = { "web", "#D6ECFA", "#0072B2", "#123247", "#56b4e9" },
	[ROLE_DATABASE] = { "database", "#FBE6C2", "#B36B00", "#4a3206", "#e69f00" },
};

/* The beginning of a name is enough: "postgres", "postgresql", "mysqld-8.0". */
static const struct {
	const char *name;
	enum role role;
} by_name[] = {
	{ "apache", ROLE_WEB },
	{ "caddy", ROLE_WEB },
	{ "envoy", ROLE_WEB },
	{ "haproxy", ROLE_WEB },
	{ "httpd", ROLE_WEB },
	{ "lighttpd", ROLE_WEB },
	{ "nginx", ROLE_WEB },
	{ "squid", ROLE_WEB },
	{ "traefik", ROLE_WEB },
	{ "varnish", ROLE_WEB },
	{ "w3wp", ROLE_WEB },
	{ "cassandra", ROLE_DATABASE },
	{ "clickhouse", ROLE_DATABASE },
	{ "cockroach", ROLE_DATABASE },
	{ "couchdb", ROLE_DATABASE },
	{ "db2", ROLE_DATABASE },
	{ "elasticsearch", ROLE_DATABASE },
	{ "etcd", ROLE_DATABASE },
	{ "mariadb", ROLE_DATABASE },
	{ "memcached", ROLE_DATABASE },
	{ "mongo", ROLE_DATABASE },
	{ "mysql", ROLE_DATABASE },
	{ "ora_", ROLE_DATABASE },
	{ "oracle", ROLE_DATABASE },
	{ "pgbouncer", ROLE_DATABASE },
	{ "postgres", ROLE_DATABASE },
	{ "postmaster", ROLE_DATABASE },
	{ "redis", ROLE_DATABASE },
	{ "sqlservr", ROLE_DATABASE },
	{ "tnslsnr", ROLE_DATABASE },
	{ "valkey", ROLE_DATABASE },
	{ "avahi", ROLE_INFRA },
	{ "chronyd", ROLE_INFRA },
	{ "cupsd", ROLE_INFRA },
	{ "dhcpd", ROLE_INFRA },
	{ "dnsmasq", ROLE_INFRA },
	{ "dovecot", ROLE_INFRA },
	{ "exim", ROLE_INFRA },
	{ "kdc", ROLE_INFRA },
	{ "krb5kdc", ROLE_INFRA },
	{ "master", ROLE_INFRA },
	{ "named", ROLE_INFRA },
	{ "nmbd", ROLE_INFRA },
	{ "node_exporter", ROLE_INFRA },
	{ "ns-slapd", ROLE_INFRA },
	{ "ntpd", ROLE_INFRA },
	{ "postfix", ROLE_INFRA },
	{ "prometheus", ROLE_INFRA },
	{ "rpcbind", ROLE_INFRA },
	{ "rsyslog", ROLE_INFRA },
	{ "samba", ROLE_INFRA },
	{ "slapd", ROLE_INFRA },
	{ "smbd", ROLE_INFRA },
	{ "syslog-ng", ROLE_INFRA },
	{ "systemd-resolve", ROLE_INFRA },
	{ "unbound", ROLE_INFRA },
	{ "zabbix", ROLE_INFRA },
	{ "sshd", ROLE_NONE },
	{ "systemd", ROLE_NONE },
	{ "skein", ROLE_NONE },
};

static const struct {
	uint16_t port;
	enum role role;
	const char *shared;
} by_port[] = {
	{ 22, ROLE_NONE, NULL },	{ 25, ROLE_INFRA, "MAIL" },
	{ 53, ROLE_INFRA, "DNS" },	{ 80, ROLE_WEB, NULL },
	{ 88, ROLE_INFRA, "AD" },	{ 111, ROLE_INFRA, NULL },
	{ 123, ROLE_INFRA, "NTP" },	{ 135, ROLE_INFRA, NULL },
	{ 139, ROLE_INFRA, NULL },	{ 161, ROLE_INFRA, NULL },
	{ 162, ROLE_INFRA, "MON" },	{ 389, ROLE_INFRA, "LDAP" },
	{ 443, ROLE_WEB, NULL },	{ 445, ROLE_INFRA, NULL },
	{ 464, ROLE_INFRA, "AD" },	{ 514, ROLE_INFRA, "LOG" },
	{ 587, ROLE_INFRA, "MAIL" },	{ 636, ROLE_INFRA, "LDAP" },
	{ 1433, ROLE_DATABASE, NULL },	{ 1521, ROLE_DATABASE, NULL },
	{ 2049, ROLE_INFRA, NULL },	{ 2379, ROLE_DATABASE, NULL },
	{ 3128, ROLE_INFRA, "PROXY" },	{ 3268, ROLE_INFRA, "AD" },
	{ 3306, ROLE_DATABASE, NULL },	{ 5044, ROLE_INFRA, "LOG" },
	{ 5432, ROLE_DATABASE, NULL },	{ 5666, ROLE_INFRA, NULL },
	{ 6379, ROLE_DATABASE, NULL },	{ 6514, ROLE_INFRA, "LOG" },
	{ 8443, ROLE_WEB, NULL },	{ 9042, ROLE_DATABASE, NULL },
	{ 9100, ROLE_INFRA, NULL },	{ 9200, ROLE_DATABASE, NULL },
	{ 10050, ROLE_INFRA, NULL },	{ 10051, ROLE_INFRA, "MON" },
	{ 11211, ROLE_DATABASE, NULL }, { 27017, ROLE_DATABASE, NULL },
};

static int find_port(uint16_t port)
{
	for (size_t i = 0; i < sizeof(by_port) / sizeof(by_port[0]); i++)
		if (by_port[i].port == port)
			return (int)i;
	return -1;
}

enum role role_of(const char *process, uint16_t port)
{
	int i = find_port(port);

	for (size_t k = 0; *process && k < sizeof(by_name) / sizeof(by_name[0]); k++)
		if (!strncmp(process, by_name[k].name, strlen(by_name[k].name)))
			return by_name[k].role;
	if (i >= 0 && (!*process || by_port[i].role != ROLE_WEB))
		return by_port[i].role;
	return ROLE_APP;
}

const char *role_shared_service(uint16_t port)
{
	int i = find_port(port);

	return i < 0 ? NULL : by_port[i].shared;
}
