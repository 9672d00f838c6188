"""BLAS has one thread inside, and what it had before after the last has left."""

from threadpoolctl import ThreadpoolController

from foretune.learners.threads import OneThread


def blas_threads() -> list[int]:
    """How many threads each BLAS library of this process may use."""
    return [one.num_threads for one in ThreadpoolController().select(user_api="blas").lib_controllers]


def test_the_limit_ends_with_the_last_inside() -> None:
    """Two that are inside at once, of which the first to come leaves first, leave what was there."""
    one = OneThread()
    with ThreadpoolController().limit(limits=2, user_api="blas"):
        assert set(blas_threads()) == {2}
        first, second = one.limited(), one.limited()
        first.__enter__()
        second.__enter__()
        assert set(blas_threads()) == {1}
        first.__exit__(None, None, None)
        assert set(blas_threads()) == {1}
        second.__exit__(None, None, None)
        assert set(blas_threads()) == {2}
