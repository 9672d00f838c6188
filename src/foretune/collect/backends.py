"""Where the sweep's jobs run: joblib on all cores, or on a real local dask or ray cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Literal

from joblib import cpu_count, parallel_config

from foretune.data.errors import MissingExtraError

Backend = Literal["loky", "threads", "dask", "ray"]


@contextmanager
def joblib_backend(backend: Backend, jobs: int) -> Iterator[int]:
    """Sets joblib to the backend with so many workers (-1 = one a core), and yields their number.

    Threads are workers enough where few jobs are to begin at once: each has its models fitted in a child.
    Raises `MissingExtraError` where the backend is not installed.
    """
    workers = cpu_count() if jobs < 1 else jobs
    if backend == "dask":
        with _dask_client(workers), parallel_config("dask", n_jobs=workers):
            yield workers
    elif backend == "ray":
        with _ray_cluster(workers), parallel_config("ray", n_jobs=workers):
            yield workers
    else:
        with parallel_config("threading" if backend == "threads" else backend, n_jobs=workers):
            yield workers


@contextmanager
def _dask_client(workers: int) -> Iterator[None]:
    dask, distributed = _extra("dask", "dask"), _extra("distributed", "dask")
    # A daemonic worker may have no children, and the guard of each fit is one.
    with (
        dask.config.set({"distributed.worker.daemon": False}),
        distributed.LocalCluster(workers, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        yield


@contextmanager
def _ray_cluster(workers: int) -> Iterator[None]:
    ray, ray_joblib = _extra("ray", "ray"), _extra("ray.util.joblib", "ray")
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    try:
        ray_joblib.register_ray()
        yield
    finally:
        ray.shutdown()


def _extra(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtraError(
            f"the {extra} backend is not installed: pip install 'foretune[{extra}]'."
        ) from None
