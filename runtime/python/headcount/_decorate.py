"""Decorated functions: ``@h.time()``, ``@c.count_exceptions()``, ``@g.track_inprogress()``."""

import functools
import inspect
from typing import Any, Callable


def decorate(function: Callable[..., Any], context: Any) -> Callable[..., Any]:
    """Runs each call of a function in a context: of its own, if the context has a state.

    A function that is ``async def`` is in its context until it has ended, and not until its
    coroutine is made. Whoever asks for the signature gets the function's own.
    """
    new = getattr(context, "_new_timer", None)
    decorated: Callable[..., Any]
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with new() if new is not None else context:
                return await function(*args, **kwargs)

        decorated = awaited
    elif new is not None:

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with new():
                return function(*args, **kwargs)

        decorated = timed
    else:

        @functools.wraps(function)
        def within(*args: Any, **kwargs: Any) -> Any:
            with context:
                return function(*args, **kwargs)

        decorated = within
    try:
        decorated.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        # Some functions of extensions have none.
        pass
    return decorated
