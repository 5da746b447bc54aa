"""Decorators of ``async def``: they measure the function, and not the making of its coroutine."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from prometheus_client.context_managers import ExceptionCounter, InprogressTracker, Timer


def _install(cls: type, context: Callable[[Any], Any]) -> None:
    original = cls.__call__

    @functools.wraps(original)
    def decorate(self: Any, f: Callable[..., Any]) -> Callable[..., Any]:
        if not inspect.iscoroutinefunction(f):
            return original(self, f)

        @functools.wraps(f)
        async def measured(*args: Any, **kwargs: Any) -> Any:
            with context(self):
                return await f(*args, **kwargs)

        return measured

    cls.__call__ = decorate


def install() -> None:
    # Each call has a timer of its own, as those of `def` have.
    _install(Timer, lambda timer: timer._new_timer())
    _install(InprogressTracker, lambda tracker: tracker)
    _install(ExceptionCounter, lambda counter: counter)
