/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: IANA's registry of service names and ports, and the products' own documentation. */
#include "graph/portbook.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

struct port_row {
	uint16_t port;
	enum port_class class;
	enum service server, caller;
};

/* By number. */
static const struct port_row ports[] = {
	{ 22, PORT_ADMIN, SERVICE_NONE, SERVICE_JUMP },
	{ 23, PORT_ADMIN, SERVICE_NONE, SERVICE_JUMP },
	{ 25, PORT_INFRA, SERVICE_MAIL, SERVICE_NONE },
	{ 53, PORT_INFRA, SERVICE_DNS, SERVICE_NONE },
	{ 67, PORT_INFRA, SERVICE_NONE, SERVICE_NONE },
	{ 80, PORT_WEB, SERVICE_NONE, SERVICE_BALANCER },
	{ 88, PORT_INFRA, SERVICE_DIRECTORY, SERVICE_NONE },
	{ 111, PORT_INFRA, SERVICE_FILES, SERVICE_NONE },
	{ 123, PORT_INFRA, SERVICE_TIME, SERVICE_NONE },
	{ 135, PORT_INFRA, SERVICE_NONE, SERVICE_NONE },
	{ 137, PORT_INFRA, SERVICE_NONE, SERVICE_NONE },
	{ 138, PORT_INFRA, SERVICE_NONE, SERVICE_NONE },
	{ 139, PORT_INFRA, SERVICE_FILES, SERVICE_NONE },
	{ 161, PORT_INFRA, SERVICE_NONE, SERVICE_MONITORING },
	{ 162, PORT_INFRA, SERVICE_MONITORING, SERVICE_NONE },
	{ 389, PORT_INFRA, SERVICE_DIRECTORY, SERVICE_NONE },
	{ 443, PORT_WEB, SERVICE_NONE, SERVICE_BALANCER },
	{ 445, PORT_INFRA, SERVICE_FILES, SERVICE_NONE },
	{ 464, PORT_INFRA, SERVICE_DIRECTORY, SERVICE_NONE },
	{ 514, PORT_INFRA, SERVICE_LOGS, SERVICE_NONE },
	{ 587, PORT_INFRA, SERVICE_MAIL, SERVICE_NONE },
	{ 601, PORT_INFRA, SERVICE_LOGS, SERVICE_NONE },
	{ 636, PORT_INFRA, SERVICE_DIRECTORY, SERVICE_NONE },
	{ 873, PORT_INFRA, SERVICE_BACKUP, SERVICE_BACKUP },
	{ 1433, PORT_DATA, SERVICE_DATABASE, SERVICE_NONE },
	{ 1514, PORT_INFRA, SERVICE_LOGS, SERVICE_NONE },
	{ 1521, PORT_DATA, SERVICE_DATABASE, SERVICE_NONE },
	{ 1556, PORT_INFRA, SERVICE_BACKUP, SERVICE_BACKUP },
	{ 1883, PORT_DATA, SERVICE_BUS, SERVICE_NONE },
	{ 2049, PORT_INFRA, SERVICE_FILES, SERVICE_NONE },
	{ 3000, PORT_WEB, SERVICE_NONE, SERVICE_NONE },
	{ 3128, PORT_INFRA, SERVICE_PROXY, SERVICE_NONE },
	{ 3268, PORT_INFRA, SERVICE_DIRECTORY, SERVICE_NONE },
	{ 3269, PORT_INFRA, SERVICE_DIRECTORY, SERVICE_NONE },
	{ 3306, PORT_DATA, SERVICE_DATABASE, SERVICE_NONE },
	{ 3389, PORT_ADMIN, SERVICE_NONE, SERVICE_JUMP },
	{ 4505, PORT_INFRA, SERVICE_CONFIG, SERVICE_NONE },
	{ 4506, PORT_INFRA, SERVICE_CONFIG, SERVICE_NONE },
	{ 5432, PORT_DATA, SERVICE_DATABASE, SERVICE_NONE },
	{ 5671, PORT_DATA, SERVICE_BUS, SERVICE_NONE },
	{ 5672, PORT_DATA, SERVICE_BUS, SERVICE_NONE },
	{ 5985, PORT_INFRA, SERVICE_NONE, SERVICE_CONFIG },
	{ 5986, PORT_INFRA, SERVICE_NONE, SERVICE_CONFIG },
	{ 6379, PORT_DATA, SERVICE_DATABASE, SERVICE_NONE },
	{ 6514, PORT_INFRA, SERVICE_LOGS, SERVICE_NONE },
	{ 7005, PORT_OTHER, SERVICE_NONE, SERVICE_SCHEDULER },
	{ 8000, PORT_WEB, SERVICE_NONE, SERVICE_NONE },
	{ 8014, PORT_INFRA, SERVICE_ANTIVIRUS, SERVICE_NONE },
	{ 8080, PORT_WEB, SERVICE_NONE, SERVICE_BALANCER },
	{ 8081, PORT_OTHER, SERVICE_PATCHING, SERVICE_NONE },
	{ 8140, PORT_INFRA, SERVICE_CONFIG, SERVICE_NONE },
	{ 8200, PORT_OTHER, SERVICE_SECRETS, SERVICE_NONE },
	{ 8201, PORT_OTHER, SERVICE_MONITORING, SERVICE_NONE },
	{ 8443, PORT_WEB, SERVICE_NONE, SERVICE_BALANCER },
	{ 8530, PORT_INFRA, SERVICE_PATCHING, SERVICE_NONE },
	{ 8531, PORT_INFRA, SERVICE_PATCHING, SERVICE_NONE },
	{ 8888, PORT_WEB, SERVICE_NONE, SERVICE_NONE },
	{ 9000, PORT_DATA, SERVICE_NONE, SERVICE_NONE },
	{ 9042, PORT_DATA, SERVICE_DATABASE, SERVICE_NONE },
	{ 9092, PORT_DATA, SERVICE_BUS, SERVICE_NONE },
	{ 9100, PORT_INFRA, SERVICE_NONE, SERVICE_MONITORING },
	{ 9102, PORT_INFRA, SERVICE_NONE, SERVICE_BACKUP },
	{ 9200, PORT_DATA, SERVICE_DATABASE, SERVICE_NONE },
	{ 10050, PORT_INFRA, SERVICE_NONE, SERVICE_MONITORING },
	{ 10051, PORT_INFRA, SERVICE_MONITORING, SERVICE_NONE },
	{ 11211, PORT_DATA, SERVICE_DATABASE, SERVICE_NONE },
	{ 13724, PORT_INFRA, SERVICE_BACKUP, SERVICE_BACKUP },
	{ 27000, PORT_OTHER, SERVICE_LICENCE, SERVICE_NONE },
	{ 27017, PORT_DATA, SERVICE_DATABASE, SERVICE_NONE },
	{ 50000, PORT_DATA, SERVICE_DATABASE, SERVICE_NONE },
};

enum { PORTS_N = sizeof(ports) / sizeof(ports[0]) };

/* Parts of names, in the order in which they are tried. */
static const struct {
	const char *part;
	enum service service;
} processes[] = {
	{ "zabbix_server", SERVICE_MONITORING },
	{ "prometheus", SERVICE_MONITORING },
	{ "nagios", SERVICE_MONITORING },
	{ "icinga", SERVICE_MONITORING },
	{ "apm-server", SERVICE_MONITORING },
	{ "bpbrm", SERVICE_BACKUP },
	{ "veeam", SERVICE_BACKUP },
	{ "bacula", SERVICE_BACKUP },
	{ "nessus", SERVICE_SCANNER },
	{ "openvas", SERVICE_SCANNER },
	{ "nmap", SERVICE_SCANNER },
	{ "qualys", SERVICE_SCANNER },
	{ "haproxy", SERVICE_BALANCER },
	{ "squid", SERVICE_PROXY },
	{ "named", SERVICE_DNS },
	{ "dns.exe", SERVICE_DNS },
	{ "unbound", SERVICE_DNS },
	{ "chronyd", SERVICE_TIME },
	{ "ntpd", SERVICE_TIME },
	{ "slapd", SERVICE_DIRECTORY },
	{ "lsass.exe", SERVICE_DIRECTORY },
	{ "rsyslogd", SERVICE_LOGS },
	{ "syslog-ng", SERVICE_LOGS },
	{ "splunkd", SERVICE_LOGS },
	{ "nfsd", SERVICE_FILES },
	{ "smbd", SERVICE_FILES },
	{ "puppet", SERVICE_CONFIG },
	{ "salt-master", SERVICE_CONFIG },
	{ "chef", SERVICE_CONFIG },
	{ "ctmserver", SERVICE_SCHEDULER },
	{ "lmgrd", SERVICE_LICENCE },
	{ "vault", SERVICE_SECRETS },
	{ "semsvc", SERVICE_ANTIVIRUS },
	{ "jenkins", SERVICE_CI },
	{ "gitlab-runner", SERVICE_CI },
	{ "keycloak", SERVICE_SIGN_ON },
	{ "exim", SERVICE_MAIL },
	{ "oracle", SERVICE_DATABASE },
	{ "sqlservr", SERVICE_DATABASE },
	{ "postgres", SERVICE_DATABASE },
	{ "mysqld", SERVICE_DATABASE },
	{ "mariadbd", SERVICE_DATABASE },
	{ "mongod", SERVICE_DATABASE },
	{ "beam.smp", SERVICE_BUS },
	{ "kafka", SERVICE_BUS },
};

static const struct port_row *row_of(uint16_t port)
{
	unsigned lo = 0, hi = PORTS_N;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (ports[mid].port < port)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < PORTS_N && ports[lo].port == port ? &ports[lo] : NULL;
}

enum port_class portbook_class(uint16_t port)
{
	const struct port_row *r = row_of(port);

	return r ? r->class : PORT_OTHER;
}

enum service portbook_server(uint16_t port)
{
	const struct port_row *r = row_of(port);

	return r ? r->server : SERVICE_NONE;
}

enum service portbook_caller(uint16_t port)
{
	const struct port_row *r = row_of(port);

	return r ? r->caller : SERVICE_NONE;
}

enum service portbook_process(const char *name)
{
	for (unsigned i = 0; i < sizeof(processes) / sizeof(processes[0]); i++)
		if (strcasestr(name, processes[i].part))
			return processes[i].service;
	return SERVICE_NONE;
}

enum service portbook_client(const char *name)
{
	static const char *const updaters[] = { "yum",	   "dnf",    "apt",
						"apt-get", "zypper", "unattended-upgr" };

	for (unsigned i = 0; i < sizeof(updaters) / sizeof(updaters[0]); i++)
		if (strcmp(updaters[i], name) == 0)
			return SERVICE_PATCHING;
	return SERVICE_NONE;
}
