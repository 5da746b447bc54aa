"""Plays scenarios with the Prometheus client for Python in multiprocess mode, and prints what it makes of them.

    scripted.py SCENARIOS RESULTS

SCENARIOS, JSON, is a list of scenarios, each a directory and steps, `process: command`. The commands are those of the programs
`scripted` and, where a process's name is a capital letter, `scripted_next`; `exit` and `kill` end the process, and are followed by
`mark_process_dead`, as a supervisor's hook would be. RESULTS, JSON, has for each scenario the pids, the steps that raised an exception, and the pages
that come of the files as the directory lists them, by the processes' names, and the other way round.

PROMETHEUS_MULTIPROC_DIR must be set; the scenarios' own directories replace it, since each process here reads it anew.
"""

import glob
import json
import os
import signal
import sys

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

MODES = [
    "sum", "livesum", "min", "livemin", "max", "livemax", "all", "liveall", "mostrecent", "livemostrecent",
]


PLURALS = {"counter": "counters", "histogram": "histograms", "summary": "summaries"}


class Recorder:
    """The metrics of the program `scripted`."""

    def __init__(self):
        own = {"registry": CollectorRegistry()}
        buckets = {"buckets": [0.1, 1.0, 10.0], **own}
        self.counter = Counter("counter", "A counter.", **own)
        self.counters = Counter("counters", "Counters.", ["id"], **own)
        self.float_counter = Counter("float_counter", "A counter of parts.", **own)
        self.float_counters = Counter("float_counters", "Counters of parts.", ["id"], **own)
        self.states = [
            Enum(f"{mode}_state", "A state.", states=["starting", "serving", "draining"], **own)
            for mode in ["sum", "livesum", "mostrecent", "livemostrecent", "liveall"]
        ]
        self.release = Info("release", "What the program is.", **own)
        self.job = Info("job", "What the program was.", **own)
        self.histogram = Histogram("histogram", "A histogram.", **buckets)
        self.histograms = Histogram("histograms", "Histograms.", ["id"], **buckets)
        self.summary = Summary("summary", "A summary.", **own)
        self.summaries = Summary("summaries", "Summaries.", ["id"], **own)
        self.gauge = [
            Gauge(f"{mode}_gauge", "A gauge.", multiprocess_mode=mode, **own) for mode in MODES
        ]
        self.gauges = [
            Gauge(f"{mode}_gauges", "Gauges.", ["id"], multiprocess_mode=mode, **own) for mode in MODES
        ]
        self.rebucketed = Histogram("rebucketed", "R.", buckets=[1.0, 2.0, 4.0], **own)
        self.remoded = Gauge("remoded", "R.", multiprocess_mode="sum", **own)
        self.rekinded = Summary("rekinded", "R.", **own)

    def obey(self, command):
        if "{" in command:
            metric, rest = command.split("{", 1)
            label, what = rest.rsplit("} ", 1)
            label = label.replace("\\n", "\n")
        else:
            metric, _, what = command.partition(" ")
            label = None

        def one(of_all, of_label):
            return of_all if label is None else of_label.labels(label)

        if what == "remove":
            # With a warning that it has no effect.
            for family in self.gauges if metric == "gauge" else [getattr(self, PLURALS[metric])]:
                family.remove(label)
        elif metric == "counter":
            one(self.counter, self.counters).inc(float(what))
        elif metric == "float_counter":
            one(self.float_counter, self.float_counters).inc(float(what))
        elif metric == "state":
            for states in self.states:
                states.state(what)
        elif metric == "info":
            self.release.info({"id": label})
        elif metric == "job":
            self.job.info({"id": what})
        elif metric == "histogram":
            one(self.histogram, self.histograms).observe(float(what))
        elif metric == "summary":
            one(self.summary, self.summaries).observe(float(what))
        elif metric == "gauge":
            refused = None
            for of_all, of_label in zip(self.gauge, self.gauges):
                try:
                    change(one(of_all, of_label), what)
                except RuntimeError as error:
                    refused = error  # by the most recent value; the others go on
            if refused:
                raise refused
        elif metric == "rebucketed":
            self.rebucketed.observe(float(what))
        elif metric == "remoded":
            self.remoded.set(float(what))
        elif metric == "rekinded":
            self.rekinded.observe(float(what))
        elif metric != "nothing":
            raise NotImplementedError(command)


class RecorderNext:
    """The metrics of the program `scripted_next`."""

    def __init__(self):
        own = {"registry": CollectorRegistry()}
        self.rebucketed = Histogram("rebucketed", "R.", buckets=[2.0, 4.0, 8.0], **own)
        self.remoded = Gauge("remoded", "R.", multiprocess_mode="max", **own)
        self.rekinded = Gauge("rekinded", "R.", multiprocess_mode="sum", **own)
        self.job = Info("job", "What the program is.", **own)

    def obey(self, command):
        metric, what = command.split(" ")
        if metric == "rebucketed":
            self.rebucketed.observe(float(what))
        elif metric == "job":
            self.job.info({"id": what})
        else:
            getattr(self, metric).set(float(what))


def change(gauge, what):
    if what.startswith("add "):
        gauge.inc(float(what.removeprefix("add ")))
    elif what == "unset":
        raise RuntimeError("a gauge can't be unset")
    else:
        gauge.set(float(what))


class Process:
    """A forked process that does what it is told. Nothing was counted before the fork."""

    def __init__(self, name, directory):
        inward, outward = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                os.close(inward[1])
                os.close(outward[0])
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
                recorder = RecorderNext() if name.isupper() else Recorder()
                with os.fdopen(inward[0]) as lines, os.fdopen(outward[1], "w") as answers:
                    # Not the end of the input: processes that were forked later hold the pipe as well.
                    for line in iter(lines.readline, "exit\n"):
                        try:
                            recorder.obey(line.rstrip("\n"))
                            answer = "done"
                        except (ValueError, RuntimeError) as error:
                            answer = f"{type(error).__name__}: {error}"
                        print(answer, file=answers, flush=True)
                status = 0
            finally:
                os._exit(status)
        os.close(inward[0])
        os.close(outward[1])
        self.commands, self.answers = os.fdopen(inward[1], "w"), os.fdopen(outward[0])

    def tell(self, command):
        print(command, file=self.commands, flush=True)
        answer = self.answers.readline().rstrip("\n")
        if not answer:
            raise ChildProcessError(f"the process ended at: {command}")
        return answer

    def end(self, kill):
        if kill:
            os.kill(self.pid, signal.SIGKILL)
        else:
            print("exit", file=self.commands, flush=True)
        self.commands.close()
        self.answers.close()
        _, status = os.waitpid(self.pid, 0)
        if status != (signal.SIGKILL if kill else 0):
            raise ChildProcessError(f"a process ended with status {status}")


class Files:
    """What a registry would be, of files in this order."""

    def __init__(self, files):
        self.files = files

    def collect(self):
        return MultiProcessCollector.merge(self.files)


def page(registry):
    return generate_latest(registry).decode()


def play(directory, steps):
    processes, raised, living = {}, [], set()
    for step in steps:
        name, command = step.split(": ", 1)
        if name not in processes:
            processes[name] = Process(name, directory)
            living.add(name)
        process = processes[name]
        if command in ("exit", "kill"):
            process.end(command == "kill")
            living.remove(name)
            mark_process_dead(process.pid, directory)
        else:
            if process.tell(command) != "done":
                raised.append(step)

    registry = CollectorRegistry()
    MultiProcessCollector(registry, directory)
    by_name = [
        file
        for name in sorted(processes, key=str.lower)
        for file in sorted(glob.glob(os.path.join(glob.escape(directory), f"*_{processes[name].pid}.db")))
    ]
    result = {
        "pids": {name: process.pid for name, process in processes.items()},
        "raised": raised,
        "listed": page(registry),
        "forwards": page(Files(by_name)),
        "backwards": page(Files(by_name[::-1])),
    }
    for name in living:
        processes[name].end(kill=False)
    return result


def main():
    scenarios, results = sys.argv[1:]
    with open(scenarios) as file:
        scenarios = json.load(file)
    played = [play(scenario["directory"], scenario["steps"]) for scenario in scenarios]
    with open(results, "w") as file:
        json.dump(played, file)


main()
