"""A guarded call ends in its result or in a reason, and never takes its caller down."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sklearn.svm import SVC

from foretune.collect import guard as module
from foretune.collect.guard import CallFailedError, Guard
from foretune.data.errors import ForetuneError

UNGUARDED = """
from foretune.collect.guard import Guard
print("once")
def half(x):
    return x / 2
guard = Guard()
print(guard.run(half, 5))
guard.close()
"""


@pytest.fixture(scope="module")
def guard() -> Iterator[Guard]:
    """One guard for all tests, so that each shows that the one before left it working."""
    guard = Guard()
    yield guard
    guard.close()


def is_alive(pid: int) -> bool:
    """Whether the process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def ended_within(seconds: float, pid: int) -> bool:
    """Whether the process is gone at last."""
    end = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_alive(pid)


def slow_answer(seconds: float) -> str:
    """A call whose answer takes a while."""
    time.sleep(seconds)
    return "late"


def test_the_result_comes_back(guard: Guard) -> None:
    """A call runs with its arguments, in another process, which is kept."""
    assert guard.run(divmod, 7, 2) == (3, 1)
    pids = {guard.run(os.getpid), guard.run(os.getpid, timeout=60)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_a_call_need_not_be_importable(guard: Guard) -> None:
    """A function defined inside a test, or a notebook, arrives as it is."""
    factor = 3
    assert guard.run(lambda x: factor * x, 5) == 15


def test_a_script_need_not_guard_its_main_part(tmp_path: Path) -> None:
    """A plain script runs once, not in the child again, and its functions arrive there all the same."""
    (tmp_path / "plain.py").write_text(UNGUARDED)
    run = subprocess.run([sys.executable, tmp_path / "plain.py"], capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("once\n2.5\n", "")


def _ends_at_once(*_: object) -> None:
    os._exit(3)


def test_a_child_that_cannot_start_is_no_failed_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the child dies before its first call the caller is told, and no trial is blamed for it."""
    monkeypatch.setattr(module, "_serve", _ends_at_once)
    with pytest.raises(ForetuneError, match=r"cannot be started \(exit code 3\)"):
        Guard().run(divmod, 7, 2)


def test_what_is_raised_becomes_one_line(guard: Guard) -> None:
    """An exception comes back as its type and the first line of its message, and the child lives on."""

    def fail() -> None:
        raise KeyError("first line\nsecond line")

    pid = guard.run(os.getpid)
    with pytest.raises(CallFailedError, match=r"^KeyError: 'first line\\nsecond line'$"):
        guard.run(fail)
    with pytest.raises(CallFailedError, match=r"^ValueError: a$"):
        guard.run(exec, "raise ValueError('a\\nb')")
    assert guard.run(os.getpid) == pid


def test_what_cannot_be_sent_is_a_reason(guard: Guard) -> None:
    """A result that cannot be pickled, or a call that cannot be imported, fails and spares the child."""
    pid = guard.run(os.getpid)
    with pytest.raises(CallFailedError, match="pickle"):
        guard.run(eval, "(x for x in [])")
    assert guard.run(os.getpid) == pid


def test_a_call_that_takes_too_long_is_killed(guard: Guard) -> None:
    """Beyond its timeout a call fails within about a second, its process is gone, and the guard works on."""
    pid = guard.run(os.getpid)
    start = time.monotonic()
    with pytest.raises(CallFailedError, match=r"^timed out after 0\.3 s$"):
        guard.run(time.sleep, 60, timeout=0.3)
    assert 0.3 <= time.monotonic() - start < 2.0
    assert ended_within(5, pid)
    assert guard.run(divmod, 7, 2) == (3, 1)


def test_an_interrupted_call_is_not_answered_later(guard: Guard) -> None:
    """What is asked after an interruption gets its own answer, not that of the call that was interrupted."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    guard.run(divmod, 7, 2)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            guard.run(slow_answer, 1.0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert guard.run(divmod, 7, 2) == (3, 1)
    assert guard.run(divmod, 9, 2) == (4, 1)


def test_the_childs_start_is_not_the_calls_time(guard: Guard) -> None:
    """A new child's start and its import of scikit-learn may take longer than the call's timeout."""
    guard.close()
    assert guard.run(SVC, timeout=0.1).C == 1.0


def test_what_is_prepared_is_not_the_calls_time(guard: Guard) -> None:
    """What runs before the call may take longer than its timeout, and fails like a call."""
    assert guard.run(slow_answer, 0.0, timeout=0.2, prepare=lambda _: time.sleep(0.5)) == "late"
    with pytest.raises(CallFailedError, match=r"^TypeError: "):
        guard.run(divmod, 7, 2, prepare=len)
    assert guard.run(divmod, 7, 2) == (3, 1)


@pytest.mark.parametrize(
    ("call", "args", "reason"),
    [
        (os._exit, (3,), "exit code 3"),
        (os.kill, (signal.SIGSEGV,), "killed by SIGSEGV"),
        (os.kill, (signal.SIGKILL,), "killed by SIGKILL, often for want of memory"),
        (exec, ("raise SystemExit(4)",), "exit code 4"),
    ],
)
def test_a_dying_process_is_a_reason(guard: Guard, call: Any, args: tuple[Any, ...], reason: str) -> None:
    """Whatever way the child dies, the call fails with the cause, and the next one works."""
    pid = guard.run(os.getpid)
    with pytest.raises(CallFailedError, match=rf"the fit's process died \({reason}"):
        guard.run(call, *([pid] if call is os.kill else []), *args)
    assert ended_within(5, pid)
    assert guard.run(divmod, 7, 2) == (3, 1)


def test_a_child_that_died_between_calls_is_replaced(guard: Guard) -> None:
    """A child killed while it was idle costs no call."""
    pid = guard.run(os.getpid)
    os.kill(pid, signal.SIGKILL)
    # Its threads may outlive the main one, and hold the pipe, for some milliseconds.
    assert ended_within(5, pid)
    time.sleep(0.5)
    assert guard.run(divmod, 7, 2) == (3, 1)


def test_a_closed_guard_has_no_child() -> None:
    """Closing ends the child; closing again is fine; a later call starts a new one."""
    guard = Guard()
    pid = guard.run(os.getpid)
    guard.close()
    guard.close()
    assert ended_within(5, pid)
    assert guard.run(os.getpid) != pid
    guard.close()


def test_the_child_ends_with_its_parent() -> None:
    """Where the guard's own process is killed, its child ends by itself within a second or two."""
    outer = Guard()
    child, grandchild = outer.run(_guard_inside)
    os.kill(child, signal.SIGKILL)
    assert ended_within(10, grandchild)
    outer.close()


def _guard_inside() -> tuple[int, int]:
    import multiprocessing

    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    globals()["kept"] = Guard()
    return os.getpid(), globals()["kept"].run(os.getpid)


def test_threads_take_turns(guard: Guard) -> None:
    """Calls from several threads each get their own answer."""
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda n: guard.run(divmod, n, 7, timeout=60), range(40)))
    assert found == [divmod(n, 7) for n in range(40)]


def test_an_argument_that_cannot_be_sent_is_a_reason(guard: Guard) -> None:
    """An argument that does not travel to another process fails that call, not the caller."""
    with pytest.raises(CallFailedError, match=r"cannot be sent to a process \(TypeError"):
        guard.run(print, threading.Lock())
    assert guard.run(divmod, 7, 2, timeout=60) == (3, 1)
