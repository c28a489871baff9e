"""Training in several processes under ``torchrun``; nothing to do in a single one."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from monai_ext.landmarks import InputError, input_errors_unwrapped

from .stop import StoppedError

logger = logging.getLogger(__name__)

T = TypeVar("T")


def process_rank() -> tuple[int, int]:
    """(rank, world size) of this process; (0, 1) outside ``torchrun``, also where a job script sets them empty."""
    return int(os.environ.get("RANK") or 0), int(os.environ.get("WORLD_SIZE") or 1)


def local_rank() -> int:
    """The number of this process on its machine, and so of its GPU."""
    return int(os.environ.get("LOCAL_RANK") or 0)


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Joins the processes that ``torchrun`` started, NCCL on GPUs and gloo on CPUs."""
    if process_rank()[1] == 1 or torch.distributed.is_initialized():
        yield
        return
    torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


def replicated(network: nn.Module, device: torch.device) -> nn.Module:
    """The network with its gradients averaged over the processes."""
    if process_rank()[1] == 1:
        return network
    return DistributedDataParallel(network, device_ids=[device.index] if device.type == "cuda" else None)


def share_from_first(network: nn.Module) -> None:
    """Gives every process the weights and buffers of the first.

    Batch statistics differ between processes, so that a moving average of them differs too.
    """
    if process_rank()[1] > 1:
        for tensor in network.state_dict().values():
            torch.distributed.broadcast(tensor, src=0)


def any_process(flag: bool, device: torch.device) -> bool:
    """True where the flag is set on any process; all processes call this together."""
    if process_rank()[1] == 1:
        return flag
    raised = torch.tensor(int(flag), device=device)
    torch.distributed.all_reduce(raised, torch.distributed.ReduceOp.MAX)
    return bool(raised)


def gathered(values: list[Any]) -> list[Any]:
    """The lists of all processes, joined in the order of ranks, on every process."""
    world = process_rank()[1]
    if world == 1:
        return values
    parts: list[Any] = [None] * world
    torch.distributed.all_gather_object(parts, values)
    return [value for part in parts for value in part]


def gathered_or_problem(look: Callable[[], list[T]], failed: str) -> tuple[list[T], str]:
    """Results of all processes, and the first problem of any of them as a sentence without its full stop.

    For what follows a training, which is never lost by it: an error is logged and does not leave. All processes call
    this together, also one whose share fails.

    Args:
        look: finds the share of this process.
        failed: sentence for the log.

    Raises:
        StoppedError: a stop was requested meanwhile.
    """
    problem = ""
    share: list[T] = []
    try:
        with input_errors_unwrapped():
            share = look()
    except StoppedError:
        raise
    except Exception as error:  # an image that vanished, a lack of memory, ...
        logger.exception(failed)
        problem = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}".split("\n")[0]
    parts = gathered([(share, problem)])
    problems = [problem for _, problem in parts if problem]
    return [value for found, _ in parts for value in found], problems[0].rstrip(".") if problems else ""
