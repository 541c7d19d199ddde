"""Work on recordings in other processes, which may die of what they read, or never end."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Generic, TypeVar

from voicectl.model.recording import Unheard

Key = TypeVar("Key")
Given = TypeVar("Given")
Result = TypeVar("Result")

PATIENCE = 120.0
"""Seconds for which no piece of work may end: an hour of sound takes a fifth of it."""
MEMORY = 2 * 1024**3
"""Bytes of address space that a worker may have, where the system can limit it."""
_SAFE_PATH = "PYTHONSAFEPATH"
_SECRETS = ("FISH_API_KEY", "GITHUB_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN")
"""What a recording that takes over the decoder must not find in a worker's environment."""
GONE = Unheard("makes the decoder crash, or takes it more than two minutes")


class Processes(Generic[Given, Result]):
    """A pool of processes of this machine, replaced when one of them dies or hangs.

    When a process dies, nobody knows which piece of work killed it. So those that were under way are done again one by
    one, each in a process of its own: every piece has exactly one result.
    """

    def __init__(self, call: Callable[[Given], Result], workers: int | None = None) -> None:
        self._call = call
        self._workers = workers or _cores()

    def each(self, work: Mapping[Key, Given]) -> Iterator[tuple[Key, Result | Unheard]]:
        """The result of each piece of work, as they come. Raises what the call raises."""
        suspects: list[Key] = []
        left = dict(work)
        while left:
            before = len(left)
            for key, result in self._in_pool(dict(left), min(self._workers, len(left))):
                left.pop(key)
                if result is None:
                    suspects.append(key)
                else:
                    yield key, result
            if len(left) == before:  # the pool died before it took anything: then one after the other
                suspects += left
                left = {}
        for key in suspects:
            _, result = next(self._in_pool({key: work[key]}, 1), (key, None))
            yield key, GONE if result is None else result

    def _in_pool(self, work: Mapping[Key, Given], workers: int) -> Iterator[tuple[Key, Result | Unheard | None]]:
        """Results until all are there or a process dies; None for what was under way then."""
        context = multiprocessing.get_context("spawn")
        with _not_from_here():
            pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_bounded, initargs=(MEMORY,))
        futures: dict[Future[Result | Unheard], Key] = {}
        waiting = iter(work.items())
        try:
            while True:
                # Few at a time: what waits in the pool's own queue would fall under suspicion with the rest.
                for key, given in waiting:
                    with _not_from_here():  # this is where processes start
                        futures[pool.submit(_guarded, self._call, given)] = key
                    if len(futures) >= workers:
                        break
                if not futures:
                    return
                done, _ = wait(futures, timeout=PATIENCE, return_when="FIRST_COMPLETED")
                if not done or any(isinstance(future.exception(), BrokenProcessPool) for future in done):
                    yield from ((key, None) for key in futures.values())
                    return
                for future in done:
                    yield futures.pop(future), future.result()
        except BrokenProcessPool:
            yield from ((key, None) for key in futures.values())
        finally:
            _end(pool)


def _guarded(call: Callable[[Given], Result], given: Given) -> Result | Unheard:
    """In the worker: what its bounds make impossible is this file's trouble alone."""
    try:
        return call(given)
    except MemoryError:
        return Unheard(f"needs more than {MEMORY // 1024**3} GiB of memory to decode", "export it again")
    except ImportError as error:
        return Unheard(f"can't be decoded: the decoder does not load ({error})", "install voicectl[audio] again")


@contextlib.contextmanager
def _not_from_here() -> Iterator[None]:
    """Processes that start inside import nothing from the current directory, where a stranger's checkout may lie.

    They start as `python -c`, which looks there first, before even the standard library.
    """
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def _cores() -> int:
    """How many processes this one may keep busy."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _bounded(memory: int) -> None:
    """Bound this process, and keep the key out of its reach."""
    for name in _SECRETS:
        os.environ.pop(name, None)
    # Ctrl-C reaches the whole process group. The parent decides what it means, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Nor does a parent that was killed leave its workers behind, to wait for work for ever.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # What the decoder's libraries have to say of a broken file is nothing for the user: the result says it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        import resource
    except ImportError:  # Windows
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, resource.getrlimit(resource.RLIMIT_AS)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _end(pool: ProcessPoolExecutor) -> None:
    """End a pool at once: a process that hangs in a decoder hears no request to stop."""
    processes: Sequence[multiprocessing.process.BaseProcess] = list((pool._processes or {}).values())
    for process in processes:
        process.kill()
    pool.shutdown(wait=True, cancel_futures=True)
