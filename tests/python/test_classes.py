"""``headcount``'s own classes: what ``prometheus_client`` does, and what several processes need."""

import os
import subprocess
import sys
import textwrap
import unittest

from support import SOON, directory, environment, samples

IMPORTS = """\
import asyncio, gc, inspect, os, sys, threading, time, warnings
import headcount
from headcount import *
from headcount.registry import DuplicateTimeseries
def child(function):
    pid = os.fork()
    if pid == 0:
        function()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    return pid
def fails(kind, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind as error:
        return str(error)
    raise AssertionError(f"{call} accepted {args} {kwargs}")
value = REGISTRY.get_sample_value
def page(registry=REGISTRY): return generate_latest(registry).decode()
"""


def output(code: str, path: str | None = None, **variables: str) -> str:
    """What a program with headcount's classes prints. It must succeed, without the client."""
    text = "import sys; sys.modules['prometheus_client'] = None\n" + IMPORTS + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", text],
        env=environment(path, **variables),
        capture_output=True,
        text=True,
        timeout=10 * SOON,
    )
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Declaring(unittest.TestCase):
    def test_names_are_joined(self):
        output("""
            for arguments, name in [
                (dict(name='a'), 'a_total'),
                (dict(name='b_total'), 'b_total'),
                (dict(name='c', namespace='n', subsystem='s'), 'n_s_c_total'),
                (dict(name='d', unit='bytes'), 'd_bytes_total'),
                (dict(name='e_bytes_total', unit='bytes'), 'e_bytes_total'),
                (dict(name='f.g'), 'f.g_total'),
            ]:
                Counter(documentation='D.', **arguments).inc()
                assert value(name) == 1, name
            for cls in (Info, Enum):
                states = {'states': ['a']} if cls is Enum else {}
                fails(ValueError, cls, 'h', 'H.', unit='bytes', **states)
        """)

    def test_what_is_refused_is_an_exception_as_in_prometheus_client(self):
        output("""
            assert fails(ValueError, Counter, '', 'C.') == 'Metric name should not be empty'
            fails(ValueError, Counter, 'a b', 'C.')
            fails(TypeError, Counter, None, 'C.')
            fails(TypeError, Counter, 'c')
            fails(ValueError, Counter, 'c', 'C.', ['__l'])
            fails(ValueError, Counter, 'c', 'C.', ['l', 'l'])
            fails(ValueError, Histogram, 'h', 'H.', ['le'])
            fails(ValueError, Summary, 's', 'S.', ['quantile'])
            fails(ValueError, Enum, 'e', 'E.', ['e'], states=['a'])
            fails(ValueError, Enum, 'e', 'E.')
            fails(ValueError, Enum, 'e', 'E.', states=['a', 'a'])
            for buckets in ([], [3, 1], [float('inf')], [float('nan'), 1], ['x']):
                fails(ValueError, Histogram, 'h', 'H.', buckets=buckets)
            error = fails(ValueError, Gauge, 'g', 'G.', multiprocess_mode='most')
            assert error == 'Invalid multiprocess mode: most'
            # What was refused is in no registry, and its name is free.
            for cls in (Counter, Histogram, Summary, Gauge):
                cls('free_' + cls.__name__, 'F.')
            Enum('e', 'E.', states=['a'])

            Counter('c', 'C.')
            error = fails(DuplicateTimeseries, Counter, 'c', 'C.')
            assert issubclass(DuplicateTimeseries, ValueError) and 'c_total' in error, error
            # In another registry, or in none, the name is the same family.
            Counter('c', 'C.', registry=None)
            error = fails(ValueError, Gauge, 'c_total', 'C.', registry=CollectorRegistry())
            assert 'declared with two types, counter and gauge: at <string>:' in error, error
        """)

    def test_nothing_that_is_given_makes_a_panic(self):
        output("""
            import itertools, random
            seed = int(os.environ.get('HEADCOUNT_SEED', '0')) or random.randrange(1 << 32)
            print('HEADCOUNT_SEED =', seed)
            chosen = random.Random(seed)
            odd = ['', 'a', 'a b', '\\0', '\\ud800', '\\n', 'é', 'x' * 5000, '__n', 'le', 'pid',
                   'quantile', 1, -1.5, float('nan'), float('inf'), None, b'a', object(), [], {},
                   ['a'], ['a', 'b'], ['a', 'a'], [None], ('x' * 70000,), 'abc', 10 ** 400, [1, 2],
                   [1e308, float('inf')], {'a': 'b'}, {'a': None}, {1: 2}, True, len]
            names = ['labelnames', 'namespace', 'subsystem', 'unit', 'buckets', 'states',
                     'multiprocess_mode', 'max_series', '_labelvalues']
            methods = ['inc', 'dec', 'set', 'observe', 'labels', 'remove', 'remove_by_labels',
                       'info', 'state', 'clear', 'count_exceptions', 'set_function', 'time',
                       'track_inprogress', 'collect', 'describe']
            metrics = []
            def attempt(call, *args, **kwargs):
                try:
                    return call(*args, **kwargs)
                except Exception:
                    return None
            for n in range(4000):
                cls = chosen.choice([Counter, Gauge, Histogram, Summary, Info, Enum])
                some = chosen.sample(names, chosen.randrange(3))
                kwargs = {name: chosen.choice(odd) for name in some}
                name = chosen.choice([f'm{n}', chosen.choice(odd)])
                made = attempt(cls, name, chosen.choice(odd), registry=None, **kwargs)
                if made is not None:
                    metrics.append(made)
                metric = chosen.choice(metrics or [Counter])
                args = chosen.sample(odd, chosen.randrange(4))
                attempt(getattr(metric, chosen.choice(methods), repr), *args)
            assert len(metrics) > 500, len(metrics)
            Counter('sound', 'S.').inc()
            assert value('sound_total') == 1
        """)

    def test_a_class_of_the_user_counts_as_its_own(self):
        output("""
            class Doubled(Counter):
                def __init__(self, name, labelnames=(), **kwargs):
                    kwargs.setdefault('documentation', 'D.')
                    super().__init__(name, labelnames=labelnames, **kwargs)
                def inc(self, amount=1):
                    super().inc(2 * amount)
            d = Doubled('d', ['l'])
            assert type(d.labels('a')) is Doubled and d.labels('a') is d.labels('a')
            d.labels('a').inc()
            with d.labels('a').count_exceptions(), warnings.catch_warnings():
                pass
            try:
                with d.labels('a').count_exceptions(ZeroDivisionError):
                    1 / 0
            except ZeroDivisionError:
                pass
            assert value('d_total', {'l': 'a'}) == 4
            class Halved(Histogram):
                def observe(self, amount):
                    super().observe(-1)
            h = Halved('h', 'H.')
            with h.time(): pass
            assert h._sum.get() == -1
            fails(RuntimeError, Counter.__new__(Counter).inc)
            d.note = 'kept'
            assert d.note == 'kept'
        """)


class Counting(unittest.TestCase):
    def test_labels(self):
        output("""
            c = Counter('c', 'C.', ['a', 'b'])
            assert c.labels('x', 'y') is c.labels(b='y', a='x') is c.labels(a='x', b='y')
            assert c.labels(1, None) is c.labels('1', 'None')
            class Named(str):
                def __str__(self): return 'named ' + super().__str__()
            assert c.labels(Named('x'), 'y') is c.labels('named x', 'y')
            for text, args, kwargs in [
                ('Incorrect label count', ('x',), {}),
                ('Incorrect label names', (), {'a': 'x'}),
                ('Incorrect label names', (), {'a': 'x', 'b': 'y', 'c': 'z'}),
                ("Can't pass both *args and **kwargs", ('x',), {'b': 'y'}),
            ]:
                assert fails(ValueError, c.labels, *args, **kwargs) == text
            error = fails(ValueError, c.labels('x', 'y').labels, 'z')
            assert "already has labels set ({'a': 'x', 'b': 'y'})" in error, error
            fails(ValueError, Counter('d', 'D.').labels, 'x')
            for metric, method, *args in [
                (c, 'inc'), (c, 'count_exceptions'),
                (Gauge('g', 'G.', ['l']), 'set', 1), (Gauge('i', 'G.', ['l']), 'track_inprogress'),
                (Histogram('h', 'H.', ['l']), 'observe', 1),
                (Summary('s', 'S.', ['l']), 'observe', 1),
                (Info('n', 'N.', ['l']), 'info', {}),
                (Enum('e', 'E.', ['l'], states=['a']), 'state', 'a'),
            ]:
                error = fails(ValueError, getattr(metric, method), *args)
                assert error.endswith('metric is missing label values'), error
        """)

    def test_series_are_removed(self):
        output("""
            c = Counter('c', 'C.', ['a', 'b'])
            def left():
                return sorted(s.labels['a'] + s.labels['b'] for m in c.collect() for s in m.samples
                              if s.name == 'c_total')
            for a in 'xyz':
                for b in '12':
                    c.labels(a, b).inc()
            c.remove('x', 1)
            assert left() == ['x2', 'y1', 'y2', 'z1', 'z2'], left()
            assert c.remove_by_labels({'a': 'y'}) is None and left() == ['x2', 'z1', 'z2']
            c.remove_by_labels({})
            fails(ValueError, c.remove, 'x')
            fails(ValueError, c.remove_by_labels, {'c': 'x'})
            fails(TypeError, c.remove_by_labels, [('a', 'x')])
            assert left() == ['x2', 'z1', 'z2']
            c.clear()
            assert left() == [] and c._metrics == {}
            c.labels('x', '1').inc(3)
            assert value('c_total', {'a': 'x', 'b': '1'}) == 3
        """)

    def test_decorators_keep_signatures_and_measure_coroutines_as_a_whole(self):
        output("""
            h, g, c = Histogram('h', 'H.'), Gauge('g', 'G.'), Counter('c', 'C.')
            @c.count_exceptions(ValueError)
            @g.track_inprogress()
            @h.time()
            def f(a, *, b: int = 2) -> int:
                "What it does."
                assert g._value.get() == 1
                if a: raise ValueError(a)
                return b
            assert str(inspect.signature(f)) == '(a, *, b: int = 2) -> int'
            assert (f.__name__, f.__doc__) == ('f', 'What it does.')
            assert f(0) == 2 and fails(ValueError, f, 1) == '1'
            assert (h._sum.get() > 0, sum(b.get() for b in h._buckets)) == (True, 2)
            assert (g._value.get(), c._value.get()) == (0, 1)

            @c.count_exceptions()
            @g.track_inprogress()
            @h.time()
            async def slow(seconds):
                await asyncio.sleep(seconds)
                assert g._value.get() >= 1
                raise KeyError
            async def both():
                return await asyncio.gather(slow(0.05), slow(0.05), return_exceptions=True)
            assert inspect.iscoroutinefunction(slow)
            assert [type(e) for e in asyncio.run(both())] == [KeyError, KeyError]
            assert h._sum.get() >= 0.1 and c._value.get() == 3 and g._value.get() == 0

            l = Histogram('l', 'L.', ['code'])
            with l.time() as t:
                assert t.duration is None
                t.labels(code='200')
            assert l.labels('200')._sum.get() == t.duration > 0
            fails(ValueError, l.time().__exit__, None, None, None)
            last = Gauge('last', 'L.')
            with last.time(): time.sleep(0.001)
            assert last._value.get() >= 0.001
        """)

    def test_gauges(self):
        output("""
            g = Gauge('g', 'G.')
            g.set('4.5'); g.inc(); g.dec(2)
            assert g._value.get() == 3.5
            before = time.time(); g.set_to_current_time()
            assert before - 1 < g._value.get() < time.time() + 1
            m = Gauge('m', 'M.', multiprocess_mode='mostrecent')
            m.set(3)
            for method in ('inc', 'dec'):
                error = fails(RuntimeError, getattr(m, method))
                assert error == f'{method} must not be used with the mostrecent mode'
            things = []
            f = Gauge('f', 'F.', ['l'])
            f.labels('x').set_function(lambda: len(things))
            things.append(1); f.labels('x').set(7); f.labels('x').inc()
            assert value('f', {'l': 'x'}) == 1
            f.remove('x')
            assert value('f', {'l': 'x'}) is None
        """)

    def test_exemplars_are_counted_with_their_events(self):
        output("""
            c, h = Counter('c', 'C.'), Histogram('h', 'H.')
            ids = {'trace_id': '0af7651916cd43dd8448eb211c80319c', 'span_id': 'b7ad6b7169203331'}
            c.inc(exemplar=ids); h.observe(0.3, exemplar=ids); c.inc(2, ids); c.inc(exemplar=None)
            assert c._value.get() == 4 and h._sum.get() == 0.3
            error = fails(ValueError, c.inc, exemplar={'user': 'x'})
            assert 'trace_id' in error
        """)


class Pages(unittest.TestCase):
    def test_registries_are_views(self):
        output("""
            own = CollectorRegistry()
            a, b = Counter('a', 'A.'), Counter('b', 'B.', registry=own)
            hidden = Counter('c', 'C.', registry=None)
            for metric in (a, b, hidden): metric.inc()
            assert 'a_total 1.0' in page() and 'b_total' not in page() and 'c_total' not in page()
            assert page(own) == '# HELP b_total B.\\n# TYPE b_total counter\\nb_total 1.0\\n'
            own.register(hidden)
            assert 'c_total 1.0' in page(own)
            own.unregister(b)
            assert 'b_total' not in page(own) and own.get_sample_value('b_total') is None
            assert page(CollectorRegistry()) == ''
            two = CollectorRegistry(target_info={'env': 'x"'})
            assert 'target_info{env="x\\\\""} 1.0\\n' in page(two)
            fails(ValueError, Info, 'target', 'T.', registry=two)
            only = REGISTRY.restricted_registry(['a_total', 'process_start_time_seconds'])
            assert [m.name for m in only.collect()] == ['a', 'process_start_time_seconds']
            assert [s.name for m in only.collect() for s in m.samples][0] == 'a_total'
        """)

    def test_collectors_of_the_program_are_shown(self):
        output("""
            from headcount.core import CounterMetricFamily, GaugeMetricFamily, Exemplar
            from headcount.openmetrics.exposition import generate_latest as openmetrics
            class Mine:
                def collect(self):
                    yield GaugeMetricFamily('mine', 'A\\nB', value=2)
                    known = CounterMetricFamily('seen.things', 'S.', labels=['l.m'])
                    known.add_metric(['"'], 3, created=5, exemplar=Exemplar({'a': 'b'}, 1, 2))
                    yield known
            registry = CollectorRegistry(auto_describe=True)
            registry.register(Mine())
            Counter('ours', 'O.', registry=registry).inc()
            assert page(registry) == (
                '# HELP mine A\\\\nB\\n# TYPE mine gauge\\nmine 2.0\\n'
                '# HELP seen_things_total S.\\n# TYPE seen_things_total counter\\n'
                'seen_things_total{l_m="\\\\""} 3.0\\n'
                '# HELP seen_things_created S.\\n# TYPE seen_things_created gauge\\n'
                'seen_things_created{l_m="\\\\""} 5.0\\n'
                '# HELP ours_total O.\\n# TYPE ours_total counter\\nours_total 1.0\\n')
            text = openmetrics(registry, 'allow-utf-8').decode()
            assert '{"seen.things_total","l.m"="\\\\""} 3.0 # {a="b"} 1.0 2\\n' in text, text
            assert text.endswith('# EOF\\n') and text.count('# EOF') == 1
            fails(DuplicateTimeseries, registry.register, Mine())
        """)

    def test_a_server_an_application_and_a_file_show_the_page(self):
        output("""
            import gzip, json, tempfile, urllib.request
            c = Counter('c', 'C.'); c.inc()
            server, thread = start_http_server(0, '127.0.0.1')
            def get(path='/metrics', **headers):
                address = f'http://127.0.0.1:{server.server_address[1]}{path}'
                answer = urllib.request.urlopen(urllib.request.Request(address, headers=headers))
                return answer.headers, answer.read()
            headers, body = get()
            assert headers['Content-Type'] == CONTENT_TYPE_PLAIN_0_0_4 and b'c_total 1.0\\n' in body
            headers, body = get(Accept='application/openmetrics-text; version=1.0.0',
                                **{'Accept-Encoding': 'gzip'})
            assert headers['Content-Encoding'] == 'gzip'
            assert gzip.decompress(body).endswith(b'# EOF\\n')
            _, body = get('/metrics?name[]=c_total')
            assert body == b'# HELP c_total C.\\n# TYPE c_total counter\\nc_total 1.0\\n', body
            assert get('/favicon.ico')[1] == b''
            server.shutdown()

            app, said = make_wsgi_app(disable_compression=True), []
            body = app({'REQUEST_METHOD': 'POST'}, lambda *given: said.append(given))
            assert said[0][0] == '405 Method Not Allowed'

            sent = []
            async def receive(): return {'type': 'http.request'}
            async def send(message): sent.append(message)
            scope = {'type': 'http', 'query_string': b'name[]=c_total', 'headers': []}
            asyncio.run(make_asgi_app()(scope, receive, send))
            assert sent[0]['status'] == 200 and b'c_total 1.0\\n' in sent[1]['body']

            path = os.path.join(tempfile.mkdtemp(), 'c.prom')
            write_to_textfile(path, REGISTRY)
            assert 'c_total 1.0\\n' in open(path).read()
            assert os.listdir(os.path.dirname(path)) == ['c.prom']
            error = fails(ImportError, lambda: headcount.push_to_gateway)
            assert 'pip install prometheus-client' in error
        """)


class Processes(unittest.TestCase):
    """What multiprocess mode's own tests ask, with processes that are real."""

    def test_counts_are_added_up(self):
        output("""
            c, s = Counter('c', 'C.'), Summary('s', 'S.')
            h = Histogram('h', 'H.', ['l'], buckets=[1, 5])
            def work(): c.inc(1.5); s.observe(2); h.labels('a').observe(3)
            child(work); child(work); work()
            assert (value('c_total'), value('s_count'), value('s_sum')) == (4.5, 3, 6)
            assert value('h_bucket', {'l': 'a', 'le': '1.0'}) == 0
            assert value('h_bucket', {'l': 'a', 'le': '5.0'}) == 3
            assert value('h_sum', {'l': 'a'}) == 9
            # A process knows its own part, and a child begins with nothing.
            assert c._value.get() == 1.5
            def fresh(): assert c._value.get() == 0; c.inc(); assert c._value.get() == 1
            child(fresh)
            assert value('c_total') == 5.5
            order = [s.name for m in h.collect() for s in m.samples]
            assert order[:5] == ['h_sum', 'h_bucket', 'h_bucket', 'h_bucket', 'h_count'], order
            assert next(iter(h.collect())).documentation == 'H.'
        """, directory())

    def test_gauges_in_all_modes(self):
        output("""
            import threading
            modes = ['all', 'liveall', 'min', 'livemin', 'max', 'livemax', 'sum', 'livesum',
                     'mostrecent', 'livemostrecent']
            gauges = {mode: Gauge('g_' + mode, 'G.', multiprocess_mode=mode) for mode in modes}
            first = child(lambda: [g.set(1) for g in gauges.values()])
            for g in gauges.values(): g.set(7)
            ready, go = os.pipe(), os.pipe()
            living = os.fork()
            if living == 0:
                os.close(go[1])
                for g in gauges.values(): g.set(4)
                os.write(ready[1], b'x'); os.read(go[0], 1); os._exit(0)
            os.read(ready[0], 1)
            def shown():
                found = {}
                for mode in modes:
                    values = {s.labels.get('pid'): s.value for m in gauges[mode].collect()
                              for s in m.samples}
                    found[mode] = values if 'all' in mode else values[None]
                return found
            own = str(os.getpid())
            dead_and_living = {str(first): 1, own: 7, str(living): 4}
            assert shown() == {
                'all': dead_and_living, 'liveall': {own: 7, str(living): 4},
                'min': 1, 'livemin': 4, 'max': 7, 'livemax': 7, 'sum': 12, 'livesum': 11,
                'mostrecent': 4, 'livemostrecent': 4}, shown()
            os.close(go[1]); os.waitpid(living, 0)
            after = shown()
            assert after['liveall'] == {own: 7} and after['livesum'] == 7, after
            assert after['livemostrecent'] == 7 and after['mostrecent'] == 4, after
        """, directory())

    def test_a_master_that_declares_has_no_file_and_other_programs_are_shown(self):
        path = directory()
        output("""
            c, h = Counter('c', 'C.', ['l']), Histogram('h', 'H.')
            g = Gauge('g', 'G.')
            path = os.environ['PROMETHEUS_MULTIPROC_DIR']
            files = os.listdir(path) if os.path.isdir(path) else []
            assert not [n for n in files if n.endswith('.hc')]
            child(lambda: (c.labels('a').inc(), h.observe(1)))
            assert len([n for n in os.listdir(path) if n.endswith('.hc')]) == 1
        """, path)
        page = output("""
            Counter('other', 'O.').inc()
            print(page())
        """, path)
        found = samples(page)
        self.assertEqual(found['c_total{l="a"}'], 1)
        self.assertEqual(found["h_count"], 1)
        self.assertEqual(found["other_total"], 1)
        self.assertNotIn("g", {name.split("{")[0] for name in found})

    def test_threads_declare_and_count_while_others_fork(self):
        output("""
            c = Counter('c', 'C.', ['n']); stop = threading.Event(); errors = []
            counted = [0] * 4
            def count(thread):
                try:
                    while not stop.is_set():
                        c.labels(str(counted[thread] % 50)).inc()
                        counted[thread] += 1
                        # Not without end: every child's file lists all of them, and a collection
                        # takes 256 MiB of files.
                        if counted[thread] % 100 == 0 and counted[thread] <= 30_000:
                            Counter(f'd_{thread}_{counted[thread]}', 'D.', registry=None).inc()
                except Exception as error:
                    errors.append(error)
            threads = [threading.Thread(target=count, args=(n,)) for n in range(4)]
            for t in threads: t.start()
            def work():
                c.labels('child').inc()
                Counter('late', 'L.').inc()
            for _ in range(40): child(work)
            stop.set()
            for t in threads: t.join()
            assert not errors, errors
            total = sum(s.value for m in c.collect() for s in m.samples if s.name == 'c_total')
            assert total == sum(counted) + 40, (total, counted)
            assert value('late_total') == 40
        """, directory())

    def test_the_collector_and_the_hook_of_multiprocess_mode_are_there(self):
        output("""
            from headcount import multiprocess
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
            c = Counter('c', 'C.'); c.inc(); child(lambda: c.inc(2))
            assert 'c_total 3.0\\n' in page(registry)
            multiprocess.mark_process_dead(os.getpid())
            assert 'c_total 3.0\\n' in page(registry)
            del os.environ['PROMETHEUS_MULTIPROC_DIR']
            fails(ValueError, multiprocess.MultiProcessCollector, registry)
        """, directory())

    def test_info_and_enum_are_those_of_all_living_processes(self):
        output("""
            i, e = Info('i', 'I.', ['l']), Enum('e', 'E.', states=['idle', 'busy'])
            i.labels('x').info({'v': '1'}); i.labels('x').info({'v': '2', 'w': '3'})
            assert value('i_info', {'l': 'x', 'v': '2', 'w': '3'}) == 1
            assert value('i_info', {'l': 'x', 'v': '1'}) is None
            child(lambda: (i.labels('y').info({'v': '1'}), e.state('busy')))
            assert value('i_info', {'l': 'y', 'v': '1'}) is None
            assert (value('e', {'e': 'idle'}), value('e', {'e': 'busy'})) == (1, 0)
            e.state('busy')
            assert (value('e', {'e': 'idle'}), value('e', {'e': 'busy'})) == (0, 1)
            assert fails(ValueError, e.state, 'gone') == "'gone' is not in list"
        """, directory())


if __name__ == "__main__":
    unittest.main()
