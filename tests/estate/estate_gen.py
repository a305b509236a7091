#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seeded generator of on-premises estates for judging the migration grouper.

Composes applications out of topologies/*.json (facts about real products), adds
shared infrastructure, integrations between applications, noise and observation gaps.
Standard library only; the same arguments always give the same bytes.

Writes to --out:    flows.jsonl     one line per (client, server, port, client process)
                    machines.jsonl  inventory a sensor operator would have
Writes to --truth:  truth.json      which application each machine belongs to (default OUT.truth.json)
"""
import argparse, hashlib, json, math, os, random, sys

HERE = os.path.dirname(os.path.abspath(__file__))

LEVELS = {
    # hint: share of applications whose host names carry the application code
    # integ: calls to other applications per application instance; dbdirect: share of those straight into a database
    # gap: share of machines without a sensor; days: observation window
    # ownport: share of the calls between applications that reach a port the callee also uses inside (else 443/8443/8080)
    # ssh/stray: one-off noise flows per machine; rogue: application machines that scan part of the network
    # shareddb: share of instances using a shared database server; bus: share using a shared message bus; lb: share behind the LB pair
    # coinfra: put several infrastructure roles on one machine; cross_env: chance of a test->prod link; pack: chance of a second/third service
    'easy':   dict(hint=0.9, integ=0.3, dbdirect=0.0, gap=0.00, days=30, ssh=0.02, stray=0.02, rogue=0, shareddb=0.10, bus=0.05, lb=0.2, coinfra=0, cross_env=0.00, pack=0.25, ext=0.2, cohost=0.0, hubs=0.02, ownport=0.2),
    'medium': dict(hint=0.4, integ=1.0, dbdirect=0.1, gap=0.15, days=14, ssh=0.10, stray=0.10, rogue=1, shareddb=0.20, bus=0.15, lb=0.4, coinfra=1, cross_env=0.05, pack=0.35, ext=0.3, cohost=0.01, hubs=0.03, ownport=0.4),
    'hard':   dict(hint=0.0, integ=2.5, dbdirect=0.2, gap=0.40, days=3,  ssh=0.30, stray=0.30, rogue=3, shareddb=0.30, bus=0.30, lb=0.6, coinfra=1, cross_env=0.15, pack=0.45, ext=0.4, cohost=0.03, hubs=0.04, ownport=0.6),
}
DAY = 86400
T0 = 1767225600  # 2026-01-01


def load_topologies(d):
    out = []
    for f in sorted(os.listdir(d)):
        if not f.endswith('.json') or f == 'INDEX.json':
            continue
        t = json.load(open(os.path.join(d, f)))
        used = {e['src'] for e in t['edges']} | {e['dst'] for e in t['edges']}
        t['nodes'] = [n for n in t['nodes'] if n['id'] in used]
        out.append(t)
    return out


class Estate:
    def __init__(s, a):
        s.a = a
        s.p = dict(LEVELS[a.level])
        for k in list(s.p):
            v = getattr(a, k, None)
            if v is not None:
                s.p[k] = v
        h = hashlib.sha256(('%s|%s|%s' % (a.seed, a.machines, json.dumps(s.p, sort_keys=True))).encode()).digest()
        s.r = random.Random(int.from_bytes(h[:8], 'big'))
        s.m = []           # machines
        s.f = {}           # (src,dst,port,proto,cproc,sproc) -> [conns,bout,bin,first,last,failed]
        s.apps = []
        s.topos = load_topologies(a.topologies)
        s.t1 = T0 + int(s.p['days'] * DAY)

    # ---- machines
    def machine(s, truth, kind, os_, site, name=None, env=None):
        i = len(s.m)
        s.m.append(dict(i=i, truth=truth, kind=kind, os=os_, site=site, name=name, env=env, also=[]))
        return i

    # ---- flows
    def flow(s, a, b, port, cproc, sproc, rate, nbytes=20000.0, proto='tcp', fail=0.0, sigma=1.6):
        """rate: expected connections a day; unseen when nothing fell into the window"""
        if a == b:
            return
        r = s.r
        lam = rate * s.p['days']
        if lam < 30:
            n = 0
            L = math.exp(-lam); k = 0; q = 1.0
            while True:
                q *= r.random()
                if q <= L:
                    break
                k += 1
            n = k
        else:
            n = max(1, int(r.gauss(lam, math.sqrt(lam))))
        if n <= 0:
            return
        failed = sum(1 for _ in range(min(n, 200)) if r.random() < fail)
        if n > 200:
            failed = int(n * fail)
        ok = n - failed
        tot = 0 if ok == 0 else ok * nbytes * r.lognormvariate(0, sigma) * (1.0 if r.random() > 0.02 else r.paretovariate(0.8))
        tot = min(tot, 1e15)
        out = int(tot * (0.1 + 0.3 * r.random()))
        if n == 1:
            f0 = f1 = T0 + r.randrange(s.t1 - T0)
        else:
            span = (s.t1 - T0)
            f0 = T0 + int(span * (1 - r.random() ** (1.0 / n)))
            f1 = max(f0 + 1, T0 + int(span * r.random() ** (1.0 / n)))
        k = (a, b, port, proto, cproc, sproc)
        o = s.f.get(k)
        if o is None:
            s.f[k] = [n, out, int(tot) - out, f0, f1, failed]
        else:
            o[0] += n; o[1] += out; o[2] += int(tot) - out; o[3] = min(o[3], f0); o[4] = max(o[4], f1); o[5] += failed

    def edge_rate(s):
        x = s.r.random()
        if x < 0.75:
            return 10 ** s.r.uniform(1.5, 4.5)
        if x < 0.90:
            return s.r.uniform(1, 6)
        if x < 0.97:
            return 1 / 7.0
        return 1 / 30.0

    # ---- one application instance
    def app(s, idx, code, topo, env, site, keep, hinted, osfam):
        r = s.r
        gid = '%s-%s' % (code, env)
        nodes = [n for n in topo['nodes'] if n['id'] in keep]
        edges = [e for e in topo['edges'] if e['src'] in keep and e['dst'] in keep]
        inst = []
        for n in nodes:
            rep = n['typical_replicas']
            if env == 'prod' and n['role'] in ('web', 'app', 'worker') and r.random() < 0.3:
                rep += r.choice([1, 1, 2])
            if env in ('test', 'uat'):
                rep = min(rep, 2) if r.random() < 0.5 else 1
            if env == 'dev':
                rep = 1
            for k in range(rep):
                inst.append((n, k))
        big = len(inst) > 16
        pack = s.p['pack'] + (0.25 if env != 'prod' else 0) + (0.35 if big else 0)
        r.shuffle(inst)
        hosts = []
        for n, k in inst:
            placed = None
            if r.random() < pack:
                cand = [h for h in hosts if len(h['sv']) < 3 and all(x['id'] != n['id'] for x, _ in h['sv']) and not (n['role'] == 'db' and r.random() < 0.6)]
                if cand:
                    placed = r.choice(cand)
            if placed is None:
                placed = dict(sv=[], id=None)
                hosts.append(placed)
            placed['sv'].append((n, k))
        if len(hosts) < 2:
            # an application of one machine still is an application; keep at least two for meaning
            if len(inst) > 1:
                h = dict(sv=[hosts[0]['sv'].pop()], id=None)
                hosts.append(h)
        where = {}
        cnt = {}
        for h in hosts:
            role = h['sv'][0][0]['role']
            cnt[role] = cnt.get(role, 0) + 1
            nm = None
            if hinted:
                st = hinted
                e1 = {'prod': 'p', 'test': 't', 'dev': 'd', 'uat': 'u'}[env]
                nm = {0: '%s%s-%s%02d' % (code, e1, role, cnt[role]), 1: '%s-%s-%s-%d' % (env, code, role, cnt[role]), 2: '%s%s%s%02d' % (site, code, e1, sum(cnt.values()))}[st - 1]
            h['id'] = s.machine(gid, 'app', osfam, site, nm, env)
            for n, k in h['sv']:
                where.setdefault(n['id'], []).append((h['id'], n))
        for e in edges:
            rate = s.edge_rate()
            nb = 10 ** r.uniform(2.5, 5.5)
            dst = where[e['dst']]
            for a, na in where[e['src']]:
                tg = dst if r.random() < 0.8 else [r.choice(dst)]
                for b, nb_ in tg:
                    s.flow(a, b, e['port'], na['process'], nb_['process'], rate * r.uniform(0.3, 1.5), nb, e['proto'], 0.01 if r.random() < 0.1 else 0.0)
        inf = dict(id=gid, code=code, env=env, site=site, topo=topo['name'], machines=[h['id'] for h in hosts], where=where, os=osfam, ports={})
        for e in edges:
            inf['ports'].setdefault(e['dst'], []).append(e['port'])
        s.apps.append(inf)
        return inf

    def build_apps(s, target):
        r = s.r
        wt = []
        for t in s.topos:
            w = 1.0 / (len(t['nodes']) ** 0.8)
            if t['kind'] == 'template':
                w *= 3
            if t['kind'] == 'reference-app':
                w *= 0.7
            wt.append(w)
        idx = 0
        codes = set()
        while len(s.m) < target:
            idx += 1
            t = r.choices(s.topos, wt)[0]
            while True:
                c = ''.join(r.choice('abcdefghijklmnopqrstuvwxyz') for _ in range(r.choice([3, 3, 4])))
                if c not in codes:
                    codes.add(c); break
            site = r.choice(s.sites)
            hinted = r.choice([1, 2, 3]) if r.random() < s.p['hint'] else 0
            osf = 'windows' if (t['name'] in ('aspnet-mssql',) or r.random() < 0.25) else 'linux'
            ids = [n['id'] for n in t['nodes']]
            keep = set(ids)
            deg = {}
            for e in t['edges']:
                deg[e['src']] = deg.get(e['src'], 0) + 1; deg[e['dst']] = deg.get(e['dst'], 0) + 1
            for n in t['nodes']:
                if len(keep) > 3 and deg.get(n['id'], 0) == 1 and r.random() < 0.2:
                    keep.discard(n['id'])
            ch = True
            while ch:   # drop what lost its last edge
                ch = False
                us = set()
                for e in t['edges']:
                    if e['src'] in keep and e['dst'] in keep and e['src'] != e['dst']:
                        us.add(e['src']); us.add(e['dst'])
                for k in list(keep):
                    if k not in us and len(keep) > 2:
                        keep.discard(k); ch = True
            # keep the largest connected part only
            adj = {k: set() for k in keep}
            for e in t['edges']:
                if e['src'] in keep and e['dst'] in keep:
                    adj[e['src']].add(e['dst']); adj[e['dst']].add(e['src'])
            best = set(); seen = set()
            for k in sorted(keep):
                if k in seen:
                    continue
                st = [k]; comp = set()
                while st:
                    x = st.pop()
                    if x in comp:
                        continue
                    comp.add(x); st.extend(sorted(adj[x] - comp))
                seen |= comp
                if len(comp) > len(best):
                    best = comp
            keep = best
            envs = ['prod']
            if r.random() < 0.6: envs.append('test')
            if r.random() < 0.4: envs.append('dev')
            if r.random() < 0.15: envs.append('uat')
            for e in envs:
                if len(s.m) >= target:
                    break
                s.app(idx, c, t, e, site, keep, hinted, osf)

    # ---- integrations between applications
    def integrations(s):
        r = s.r
        byenv = {}
        for a in s.apps:
            byenv.setdefault(a['env'], []).append(a)
        pop = {}
        for a in s.apps:
            pop[a['id']] = 1.0
        prods = byenv.get('prod', [])
        nh = max(1, int(len(prods) * s.p['hubs']))
        s.hubs = r.sample(prods, min(nh, len(prods)))
        for h in s.hubs:
            pop[h['id']] = 0.12 * len(prods) / max(1, nh) + 3
        for a in s.apps:
            k = 0
            x = s.p['integ'] * (1.0 if a['env'] == 'prod' else 0.6)
            k = int(x) + (1 if r.random() < x - int(x) else 0)
            k = max(0, k + r.choice([-1, 0, 0, 1])) if x >= 1 else k
            for _ in range(k):
                env = a['env']
                if env != 'prod' and r.random() < s.p['cross_env']:
                    env = 'prod'
                pool = byenv[env]
                if len(pool) < 2:
                    continue
                # local sites more often
                cand = r.choices(pool, [pop[b['id']] * (4 if b['site'] == a['site'] else 1) for b in pool] if len(pool) < 400 else None, k=1)[0] if len(pool) < 400 else (r.choice(s.hubs) if (r.random() < 0.25 and env == 'prod') else r.choice(pool))
                if cand is a:
                    continue
                s.link(a, cand, r.random() < s.p['dbdirect'])

    def link(s, a, b, db):
        r = s.r
        want = ('db',) if db else ('lb', 'web', 'app')
        srv = [(i, n) for nid in sorted(b['where']) for (i, n) in b['where'][nid] if n['role'] in want]
        if not srv:
            srv = [(i, n) for nid in sorted(b['where']) for (i, n) in b['where'][nid]]
        cl = [(i, n) for nid in sorted(a['where']) for (i, n) in a['where'][nid] if n['role'] in ('app', 'worker', 'web', 'scheduler')] or [(i, n) for nid in sorted(a['where']) for (i, n) in a['where'][nid]]
        nid = r.choice(sorted({n['id'] for _, n in srv}))
        tg = [(i, n) for i, n in srv if n['id'] == nid]
        cid = r.choice(sorted({n['id'] for _, n in cl}))
        if db:   # straight into a data base of the other application, on the port it really serves
            port = r.choice(b['ports'].get(nid) or [5432, 3306, 1433, 1521])
        else:
            port = r.choice([443, 443, 8443, 8080])
        own = b['ports'].get(nid)
        if own and not db and r.random() < s.p['ownport']:
            port = r.choice(own)
        rate = s.edge_rate() * 0.3
        nb = 10 ** r.uniform(2.5, 5.5)
        for i, n in cl:
            if n['id'] != cid:
                continue
            for j, m in (tg if r.random() < 0.5 else [r.choice(tg)]):
                s.flow(i, j, port, n['process'], m['process'], rate, nb)

    # ---- shared infrastructure
    def infra(s, site):
        r = s.r
        S = {}
        n = s.per_site
        def mk(kind, c, os_='linux', base=None):
            S[kind] = []
            for k in range(c):
                nm = '%s%s%02d' % (site, base or kind, k + 1) if r.random() < max(0.2, s.p['hint']) else None
                S[kind].append(s.machine('shared:%s' % kind, 'shared', os_, site, nm))
        big = 1 + (n > 800)
        mk('dc', 2 + (n > 1500), 'windows')
        if s.p['coinfra']:
            S['dns'] = S['dc']
        else:
            mk('dns', 2)
        mk('ntp', 1 + (n > 300)) if not s.p['coinfra'] else S.__setitem__('ntp', S['dns'])
        mk('syslog', big, base='log')
        mk('monitor', big, base='mon')
        mk('backup', big, base='bkp')
        mk('patch', 1, 'windows', 'wsus')
        mk('repo', 1)
        mk('config', 1, base='cfg')
        mk('jump', 1 + (n > 300), base='jmp')
        mk('scanner', 1, base='vuln')
        mk('fileshare', 1 + (n > 300), 'windows', 'fs')
        mk('nfs', 1, base='nfs')
        mk('proxy', 1 + (n > 500), base='pxy')
        mk('mailrelay', 1, base='smtp')
        mk('antivirus', 1, 'windows', 'av')
        mk('ci', 1, base='ci')
        mk('lb', 2)
        mk('bus', max(1, n // 600), base='mq')
        mk('shareddb', max(1, n // 120), r.choice(['linux', 'windows']), 'sql')
        mk('pki', 1, 'windows', 'ca')
        # shared services on ports that no list of well-known infrastructure ports gives away
        mk('sso', 2, base='idp')
        mk('apm', 1)
        mk('vault', 1 + (n > 800))
        mk('jobsched', 1, base='sched')
        mk('licence', 1, 'windows', 'lic')
        mk('artifact', 1, base='art')
        return S

    def infra_flows(s):
        r = s.r
        for site in s.sites:
            S = s.shared[site]
            ms = [x['i'] for x in s.m if x['site'] == site]
            uniq = {}
            for k in S:
                for x in S[k]:
                    uniq.setdefault(x, []).append(k)
            for i in ms:
                mm = s.m[i]
                win = mm['os'] == 'windows'
                mine = uniq.get(i, [])
                def to(kind, port, cp, sp, rate, nb=2000, proto='tcp', pr=0.97, one=False, fail=0.0):
                    if kind in mine or r.random() > pr:
                        return
                    t = S[kind]
                    for d in ([r.choice(t)] if one else t):
                        if r.random() < 0.9:
                            s.flow(i, d, port, cp, sp, rate, nb, proto, fail)
                to('dns', 53, 'svchost.exe' if win else 'systemd-resolve', 'dns.exe' if s.p['coinfra'] else 'named', 2000, 200, 'udp')
                if win or r.random() < 0.8:
                    to('dc', 389, 'lsass.exe' if win else 'sssd_be', 'lsass.exe', 200, 4000)
                    to('dc', 88, 'lsass.exe' if win else 'krb5_child', 'lsass.exe', 60, 2500)
                if win:
                    to('dc', 445, 'System', 'System', 10, 20000)
                    to('dc', 135, 'svchost.exe', 'svchost.exe', 10, 2000)
                    to('dc', r.randrange(49664, 49700), 'lsass.exe', 'lsass.exe', 10, 5000)
                    to('patch', 8530, 'svchost.exe', 'w3wp.exe', 3, 5e6, one=True)
                    to('antivirus', 8014, 'smc.exe', 'semsvc.exe', 24, 30000, one=True)
                    to('pki', 135, 'svchost.exe', 'svchost.exe', 0.1, 9000, one=True, pr=0.5)
                else:
                    to('repo', 443, 'yum', 'httpd', 1, 2e6, one=True)
                    to('config', 8140, 'puppet', 'java', 48, 60000, one=True)
                to('ntp', 123, 'w32time' if win else 'chronyd', 'chronyd', 90, 100, 'udp')
                to('syslog', 514, 'nxlog.exe' if win else 'rsyslogd', 'rsyslogd', 24, 3e5, one=True)
                to('proxy', 3128, 'svchost.exe' if win else 'curl', 'squid', r.choice([0.2, 20, 500]), 1e5, one=True, pr=0.5)
                to('mailrelay', 25, 'java', 'master', r.choice([0.1, 5]), 20000, one=True, pr=0.3)
                if win:
                    to('fileshare', 445, 'System', 'System', 20, 1e6, one=True, pr=0.55)
                else:
                    to('nfs', 2049, 'kernel', 'nfsd', 50, 5e6, one=True, pr=0.2)
                # pulls: the shared machine is the client
                def frm(kind, port, cp, sp, rate, nb, proto='tcp', pr=0.97, fail=0.0, one=True):
                    if kind in mine or r.random() > pr:
                        return
                    t = S[kind]
                    for d in ([r.choice(t)] if one else t):
                        s.flow(d, i, port, cp, sp, rate, nb, proto, fail)
                frm('monitor', 10050 if not win else 10050, 'zabbix_server', 'zabbix_agentd', 1440, 800)
                if r.random() < 0.3:
                    frm('monitor', 161, 'zabbix_server', 'snmpd', 288, 3000, 'udp')
                frm('backup', 13724, 'bpbrm', 'bpcd', 1, 3e9, pr=0.85)
                frm('jump', 3389 if win else 22, 'ssh', 'TermService' if win else 'sshd', r.choice([0.03, 0.3, 3]), 50000, pr=0.8)
                frm('ci', 22, 'java', 'sshd', r.choice([0.1, 1]), 200000, pr=0.35 if not win else 0.0)
                if 'scanner' not in mine:
                    sc = r.choice(S['scanner'])
                    for port in r.sample([21, 22, 23, 25, 80, 110, 135, 139, 443, 445, 1433, 3306, 3389, 5432, 5900, 8080, 8443], 6):
                        s.flow(sc, i, port, 'nessusd', '', 1 / 7.0 * 2, 300, 'tcp', 0.8)
            # platform services used by application machines, by application
            for a in [x for x in s.apps if x['site'] == site]:
                use = {k: r.random() < q for k, q in (('sso', 0.5), ('apm', 0.6), ('vault', 0.35), ('jobsched', 0.4), ('licence', 0.12), ('artifact', 0.3))}
                for nid in sorted(a['where']):
                    for i, n in a['where'][nid]:
                        ro = n['role']; px = n['process']
                        if use['sso'] and ro in ('web', 'app', 'lb') and r.random() < 0.8:
                            s.flow(i, r.choice(S['sso']), 443, px, 'java', 10 ** r.uniform(1, 4), 8000)
                        if use['apm'] and ro in ('web', 'app', 'worker') and r.random() < 0.9:
                            s.flow(i, S['apm'][0], 8201, px, 'apm-server', 8000, 4000)
                        if use['vault'] and ro in ('app', 'worker') and r.random() < 0.8:
                            s.flow(i, r.choice(S['vault']), 8200, px, 'vault', 10 ** r.uniform(0.5, 3), 3000)
                        if use['jobsched'] and r.random() < 0.5:
                            s.flow(S['jobsched'][0], i, 7005, 'ctmserver', 'ctmagent', 10 ** r.uniform(0, 2.5), 5000)
                        if use['licence'] and ro in ('app', 'worker', 'web') and r.random() < 0.7:
                            s.flow(i, S['licence'][0], 27000, px, 'lmgrd.exe', 30, 2000)
                        if use['artifact'] and r.random() < 0.4:
                            s.flow(i, S['artifact'][0], 8081, 'curl', 'java', 0.5, 3e7)
            # partial shared platforms: data base servers (3..8 applications each), bus, load balancers
            apps = [a for a in s.apps if a['site'] == site]
            r.shuffle(apps)
            pool = [a for a in apps if r.random() < s.p['shareddb']]
            srv = list(S['shareddb'])
            k = 0
            for d in srv:
                take = pool[k:k + r.randint(3, 8)]
                k += len(take)
                port, sp = r.choice([(1521, 'oracle'), (1433, 'sqlservr'), (5432, 'postgres')])
                if len(take) < 2 and len(apps) >= 3:
                    take = r.sample(apps, 3)
                for a in take:
                    cl = [(i, n) for nid in sorted(a['where']) for (i, n) in a['where'][nid] if n['role'] in ('app', 'worker', 'web')] or [(i, n) for nid in sorted(a['where']) for (i, n) in a['where'][nid]]
                    for i, n in cl:
                        if r.random() < 0.7:
                            s.flow(i, d, port, n['process'], sp, 10 ** r.uniform(2, 4.5), 10 ** r.uniform(3, 5))
            for a in apps:
                if r.random() < s.p['bus']:
                    d = r.choice(S['bus'])
                    for nid in sorted(a['where']):
                        for i, n in a['where'][nid]:
                            if n['role'] in ('app', 'worker') and r.random() < 0.4:
                                s.flow(i, d, 5672, n['process'], 'beam.smp', 10 ** r.uniform(1, 4), 3000)
                if r.random() < s.p['lb']:
                    front = [(i, n) for nid in sorted(a['where']) for (i, n) in a['where'][nid] if n['role'] in ('lb', 'web')]
                    if not front:
                        front = [(i, n) for nid in sorted(a['where']) for (i, n) in a['where'][nid] if n['role'] == 'app'][:3]
                    for d in S['lb']:
                        for i, n in front:
                            s.flow(d, i, r.choice([80, 443, 8080]), 'haproxy', n['process'], 10 ** r.uniform(2, 5), 20000)

    # ---- noise
    def noise(s):
        r = s.r
        ids = [x['i'] for x in s.m]
        N = len(ids)
        for _ in range(int(N * s.p['ssh'])):
            a, b = r.choice(ids), r.choice(ids)
            w = s.m[b]['os'] == 'windows'
            s.flow(a, b, 3389 if w else 22, 'ssh', 'TermService' if w else 'sshd', 2.0 / s.p['days'], 40000)
        for _ in range(int(N * s.p['stray'])):
            a, b = r.choice(ids), r.choice(ids)
            s.flow(a, b, r.choice([80, 443, 8080, 5432, 3306, 1433, 6379, 9200, r.randrange(1024, 65000)]), r.choice(['java', 'python3', 'curl', 'telnet', 'node']), '', 2.0 / s.p['days'], 800, 'tcp', 0.7)
        app = [x['i'] for x in s.m if x['kind'] == 'app']
        for _ in range(s.p['rogue']):
            a = r.choice(app)
            for b in r.sample(ids, max(3, int(min(N, 3000) * r.uniform(0.05, 0.25)))):
                s.flow(a, b, r.choice([22, 80, 443, 445]), 'nmap', '', 3.0 / s.p['days'], 200, 'tcp', 0.85)
        # clients outside the inventory (workstations, partners) reach front ends
        s.extn = int(N * s.p['ext'])
        fronts = [(i, n) for a in s.apps if a['env'] == 'prod' for nid in sorted(a['where']) for (i, n) in a['where'][nid] if n['role'] in ('web', 'lb')]
        for k in range(s.extn):
            e = -1 - k
            for _ in range(r.randint(1, 4)):
                i, n = r.choice(fronts)
                s.flow(e, i, r.choice([80, 443]), '', n['process'], 10 ** r.uniform(0, 2), 50000)

    def cohost(s):
        """a few machines also carry one service of another application (true multi-tenancy)"""
        r = s.r
        ap = [x for x in s.m if x['kind'] == 'app']
        for x in ap:
            if r.random() < s.p['cohost']:
                o = r.choice(s.apps)
                if o['id'] == x['truth']:
                    continue
                nid = r.choice(sorted(o['where']))
                n = o['where'][nid][0][1]
                x['also'].append(o['id'])
                for mid in o['machines'][:3]:
                    s.flow(x['i'], mid, 8080, n['process'], 'java', s.edge_rate(), 5000)

    def run(s):
        a, r = s.a, s.r
        ns = max(1, round(a.machines / 2500.0))
        s.sites = ['ams', 'lon', 'fra', 'nyc', 'sin', 'par', 'mad', 'waw', 'tok', 'syd', 'rom', 'osl'][:ns]
        s.per_site = a.machines // ns
        s.shared = {}
        for st in s.sites:
            s.shared[st] = s.infra(st)
        s.build_apps(a.machines)
        s.integrations()
        s.cohost()
        s.infra_flows()
        s.noise()
        # names, addresses, opaque ids in an order that says nothing
        N = len(s.m)
        order = list(range(N)); r.shuffle(order)
        mid = {}
        for k, i in enumerate(order):
            mid[i] = 'm%06d' % k
        serial = list(range(N)); r.shuffle(serial)
        nets = {}
        perm = list(range(1, 15)); r.shuffle(perm)
        for x in s.m:
            if not x['name']:
                x['name'] = '%s%s%05d' % (x['site'], 'w' if x['os'] == 'windows' else 'l', serial[x['i']])
            x['sensor'] = r.random() >= s.p['gap']
            tier = x['env'] or ('infra' if r.random() > 0.5 * s.p['coinfra'] else 'prod')
            net = (s.sites.index(x['site']), perm[{'prod': 1, 'test': 2, 'dev': 3, 'uat': 4, 'infra': 5}[tier]], r.randrange(max(1, N // 400)))
            c = nets.get(net, 0) + 1
            nets[net] = c
            x['ip'] = '10.%d.%d.%d' % (net[0] * 16 + net[1], (net[2] + max(1, N // 400) * (c // 250)) % 250, c % 250 + 1)
        os.makedirs(a.out, exist_ok=True)
        with open(os.path.join(a.out, 'machines.jsonl'), 'w') as fo:
            for i in order:
                x = s.m[i]
                fo.write(json.dumps(dict(type='machine', id=mid[i], name=x['name'], ips=[x['ip']], os=x['os'], site=x['site'], sensor=x['sensor'])) + '\n')
        ip = {mid[x['i']]: x['ip'] for x in s.m}
        ext_ip = lambda e: '198.%d.%d.%d' % (18 + int(e[4:]) // 62500 % 2, int(e[4:]) // 250 % 250, int(e[4:]) % 250 + 1)
        rows = []
        dropped = 0
        for (p, q, port, proto, cp, sp), v in s.f.items():
            ps = p >= 0 and s.m[p]['sensor']
            qs = s.m[q]['sensor']
            if not ps and not qs:
                dropped += 1
                continue
            rows.append((mid[p] if p >= 0 else 'ext-%05d' % (-1 - p), mid[q], port, proto, cp if ps else '', sp if qs and v[5] < v[0] else '', v))
        rows.sort(key=lambda z: (z[0], z[1], z[2], z[3], z[4], z[5]))
        with open(os.path.join(a.out, 'flows.jsonl'), 'w') as fo:
            for z in rows:
                v = z[6]
                ext = z[0].startswith('ext-')
                cl = '"client":null,"client_ip":"%s"' % ext_ip(z[0]) if ext else '"client":"%s","client_ip":"%s"' % (z[0], ip[z[0]])
                fo.write('{"type":"flow",%s,"client_process":"%s","server":"%s","server_ip":"%s","server_port":%d,"server_process":"%s","protocol":"%s","opens":%d,"failed":%d,"bytes_to_server":%d,"bytes_to_client":%d,"first":%d,"last":%d}\n' % (cl, z[4], z[1], ip[z[1]], z[2], z[5], z[3], v[0], v[5], v[1], v[2], v[3], v[4]))
        hub = set()
        for h in s.hubs:
            hub |= set(h['machines'])
        truth = dict(args=dict(machines=a.machines, level=a.level, seed=a.seed, params=s.p), machines={mid[x['i']]: dict(group=x['truth'], shared=x['kind'] == 'shared', env=x['env'], hub=x['i'] in hub, also=x['also']) for x in s.m}, apps={p['id']: dict(topology=p['topo'], size=len(p['machines'])) for p in s.apps}, flows=len(rows), unobserved_flows=dropped)
        tp = a.truth or a.out.rstrip('/') + '.truth.json'
        json.dump(truth, open(tp, 'w'))
        print('machines %d (shared %d) apps %d flows %d unobserved %d ext %d' % (N, sum(x['kind'] == 'shared' for x in s.m), len(s.apps), len(rows), dropped, s.extn))


def main():
    ap = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    ap.add_argument('--machines', type=int, default=1000)
    ap.add_argument('--level', choices=sorted(LEVELS), default='medium')
    ap.add_argument('--seed', default='1', help='any string')
    ap.add_argument('--out', required=True)
    ap.add_argument('--truth', help='path of the truth file')
    ap.add_argument('--topologies', default=os.path.join(HERE, 'topologies'))
    for k in LEVELS['easy']:
        ap.add_argument('--' + k.replace('_', '-'), type=type(LEVELS['easy'][k]), dest=k)
    Estate(ap.parse_args()).run()


if __name__ == '__main__':
    main()
