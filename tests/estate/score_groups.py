#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores a proposed grouping against the truth of estate_gen.py.  Standard library only.

score_groups.py --truth T.truth.json --groups G [--flows flows.jsonl] [--json]

G: JSON lines {"machine": id, "group": any, "shared": true|false} (one per machine; also accepted: a text
file "machine<TAB>group[<TAB>shared 0/1]").  JSON lines may carry "wave": n as well; with --flows the order is then
judged: share of the traffic between groups whose ends move in different waves, and whose client moves first.  A machine without a line, or with group null, is its own group.
Partition measures are taken over the application machines only; a machine wrongly called shared counts as a
group of one.  Hub applications are neutral in the shared precision (calling one shared is not an error).
"""
import argparse, json, math
from collections import Counter, defaultdict


def comb2(n):
    return n * (n - 1) / 2.0


def partition_scores(T, P):
    """T, P: dict machine -> label over the same machines"""
    n = len(T)
    tc, pc, jc = Counter(T.values()), Counter(P.values()), Counter((T[m], P[m]) for m in T)
    a, b, c = sum(map(comb2, tc.values())), sum(map(comb2, pc.values())), sum(map(comb2, jc.values()))
    tot = comb2(n)
    exp = a * b / tot if tot else 0
    mx = (a + b) / 2.0
    ari = (c - exp) / (mx - exp) if mx != exp else 1.0
    H = lambda cc: -sum(v / n * math.log(v / n) for v in cc.values())
    ht, hp = H(tc), H(pc)
    mi = sum(v / n * math.log(v * n / (tc[t] * pc[p])) for (t, p), v in jc.items())
    nmi = 2 * mi / (ht + hp) if ht + hp > 0 else 1.0
    pr = c / b if b else 1.0
    rc = c / a if a else 1.0
    return dict(ari=ari, nmi=nmi, pair_p=pr, pair_r=rc, pair_f1=2 * pr * rc / (pr + rc) if pr + rc else 0.0)


def load_groups(path):
    g, sh, wv = {}, set(), {}
    text = open(path).read()
    if text.lstrip().startswith('['):          # what `skein groups --json` prints
        for x in json.loads(text):
            for m in x['machines']:
                g[m] = x['group']
                if x.get('kind') == 'shared':
                    sh.add(m)
                if x.get('wave') is not None:
                    wv[m] = x['wave']
        return g, sh, wv
    for l in open(path):
        l = l.strip()
        if not l:
            continue
        if l[0] == '{':
            d = json.loads(l)
            m, k, s = d['machine'], d.get('group'), bool(d.get('shared'))
            if d.get('wave') is not None:
                wv[m] = d['wave']
        else:
            f = l.split('\t')
            m, k, s = f[0], f[1], len(f) > 2 and f[2] in ('1', 'true')
        if s:
            sh.add(m)
        g[m] = k
    return g, sh, wv


def score(truth, g, sh, flows=None, wv=None):
    M = truth['machines']
    app = [m for m in M if not M[m]['shared']]
    T = {m: M[m]['group'] for m in app}
    P = {m: ('solo', m) if (m in sh or g.get(m) is None) else ('g', str(g[m])) for m in app}
    r = partition_scores(T, P)
    tm, pm = defaultdict(set), defaultdict(set)
    for m in app:
        tm[T[m]].add(m); pm[P[m]].add(m)
    # a proposed group may not carry shared machines along unnoticed: those count against exactness
    extra = Counter(str(g[m]) for m in M if M[m]['shared'] and m not in sh and g.get(m) is not None)
    ex = near = exl = 0
    multi = [t for t in tm if len(tm[t]) > 1]
    for t in multi:
        best = 0.0
        for p in {P[m] for m in tm[t]}:
            j = len(tm[t] & pm[p]) / len(tm[t] | pm[p])
            best = max(best, j)
            if tm[t] == pm[p]:
                exl += 1
                if not (p[0] == 'g' and extra.get(p[1])):
                    ex += 1
        near += best >= 0.8
    k = max(1, len(multi))
    r.update(apps=len(multi), exact=ex / k, exact_ignoring_shared=exl / k, jaccard80=near / k, groups=len(pm), largest_group=max(map(len, pm.values())) / len(app), solo=sum(len(x) == 1 for x in pm.values()) / len(app))
    # environments mixed in one proposed group
    mix = [p for p in pm if len(pm[p]) > 1 and len({M[m]['env'] for m in pm[p]}) > 1]
    r['env_mixed_groups'] = len(mix) / max(1, sum(len(x) > 1 for x in pm.values()))
    S = {m for m in M if M[m]['shared']}
    hub = {m for m in M if M[m].get('hub')}
    tp = len(sh & S); fp = len(sh - S - hub)
    r['shared_p'] = tp / (tp + fp) if tp + fp else 1.0
    r['shared_r'] = tp / len(S) if S else 1.0
    r['shared_f1'] = 2 * r['shared_p'] * r['shared_r'] / (r['shared_p'] + r['shared_r']) if r['shared_p'] + r['shared_r'] else 0.0
    miss = Counter(M[m]['group'].split(':')[1] for m in S - sh)
    r['shared_missed'] = dict(miss.most_common(12))
    if flows:
        tot = [0, 0]; cp = [0, 0]; ct = [0, 0]
        par = {m: m for m in app}
        wx = [0, 0, 0]
        def find(x):
            while par[x] != x:
                par[x] = par[par[x]]; x = par[x]
            return x
        for l in open(flows):
            d = json.loads(l)
            a, b = d['client'], d['server']
            if a not in T or b not in T:
                continue
            w = (d['bytes_to_server'] + d['bytes_to_client'], d['opens'] - d['failed'])
            if w[1] <= 0:
                continue
            for q in (0, 1):
                tot[q] += w[q]
                cp[q] += w[q] if P[a] != P[b] else 0
                ct[q] += w[q] if T[a] != T[b] else 0
            if wv and P[a] != P[b] and a in wv and b in wv:
                wx[0] += w[1]
                wx[1] += w[1] if wv[a] != wv[b] else 0
                wx[2] += w[1] if wv[a] < wv[b] else 0
            if T[a] == T[b]:
                par[find(a)] = find(b)
        r['cross_bytes'] = cp[0] / max(1, tot[0]); r['cross_conns'] = cp[1] / max(1, tot[1])
        r['true_cross_bytes'] = ct[0] / max(1, tot[0]); r['true_cross_conns'] = ct[1] / max(1, tot[1])
        if wv:
            cw = Counter(wv[m] for m in app if m in wv)
            r['waves'] = len(cw); r['largest_wave'] = max(cw.values()) / len(app)
            r['wave_split_conns'] = wx[1] / max(1, wx[0]); r['wave_client_first_conns'] = wx[2] / max(1, wx[0])
        C = {m: ('c', find(m)) for m in app}
        c = partition_scores(T, C)
        cm = defaultdict(set)
        for m in app:
            cm[C[m]].add(m)
        r['ceiling_ari'] = c['ari']; r['ceiling_f1'] = c['pair_f1']
        r['ceiling_exact'] = sum(any(tm[t] == cm[C[m]] for m in tm[t]) for t in multi) / k
    return r


def main():
    ap = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    ap.add_argument('--truth', required=True); ap.add_argument('--groups', required=True)
    ap.add_argument('--flows'); ap.add_argument('--json', action='store_true')
    a = ap.parse_args()
    g, sh, wv = load_groups(a.groups)
    r = score(json.load(open(a.truth)), g, sh, a.flows, wv)
    if a.json:
        print(json.dumps(r))
    else:
        for k, v in r.items():
            print('%-24s %s' % (k, ('%.4f' % v) if isinstance(v, float) else v))


if __name__ == '__main__':
    main()
