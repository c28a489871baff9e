"""The linear algebra that ONNX lacks, against torch's own."""

from __future__ import annotations

import onnxruntime
import pytest
import torch
from torch import nn

from monai_ext.landmarks import InputError
from monai_ext.networks import onnx_graph


class Algebra(nn.Module):
    def forward(self, A: torch.Tensor, b: torch.Tensor, C: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.linalg.solve_ex(A, b)[0], torch.linalg.inv_ex(C).inverse


class Unknown(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        return (torch.linalg.eigvalsh(x),)


def test_systems_and_inverses_are_those_of_torch() -> None:
    root = torch.randn(2, 3, 6, 20, dtype=torch.float64)
    inputs = {
        "A": root @ root.mT,
        "b": torch.randn(2, 3, 6, dtype=torch.float64),
        "C": torch.tensor([[[0.3, 0.1, 12], [0.02, 0.4, -7.5], [0, 0, 1]]], dtype=torch.float64),
    }

    graph = onnx_graph(Algebra().eval(), inputs, ("x", "inverse"))

    session = onnxruntime.InferenceSession(graph.SerializeToString())
    x, inverse = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    torch.testing.assert_close(torch.from_numpy(x), torch.linalg.solve(inputs["A"], inputs["b"]), atol=1e-10, rtol=0)
    torch.testing.assert_close(torch.from_numpy(inverse), torch.linalg.inv(inputs["C"]), atol=1e-12, rtol=0)


def test_what_onnx_cannot_express_is_one_sentence() -> None:
    with pytest.raises(InputError, match="The network Unknown cannot be written as ONNX: "):
        onnx_graph(Unknown().eval(), {"x": torch.eye(3)[None]}, ("values",))
