"""Writes the files beside it, and what PyTorch itself says of them to `expected.json`.

Run by hand, with torch==2.13.0, safetensors==0.8.0 and numpy installed: `python make.py`.
"""

import argparse
import hashlib
import json
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

HERE = Path(__file__).parent


def network():
    return nn.Sequential(
        OrderedDict(
            encoder=nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8)), head=nn.Linear(8, 3)
        )
    )


def state(step):
    torch.manual_seed(1)
    state = network().state_dict()
    if step:
        state["head.weight"] += 0.01 * torch.randn(3, 8)
        state["encoder.1.num_batches_tracked"] += 7
        state["encoder.0.bias"][3] = float("nan")
        state["extra.scale"] = torch.tensor(2.5)
        del state["head.bias"]
    return state


def checkpoint(step):
    torch.manual_seed(2)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1 / (step + 1))
    for _ in range(step + 1):
        model(torch.randn(4, 16)).square().sum().backward()
        optimizer.step()
    return {
        "epoch": step,
        "best": None,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(seed=1, name="run", device=torch.device("cpu")),
        "history": [1.5, 1.25][: step + 1],
    }


def views(step):
    base = torch.arange(240, dtype=torch.float32).reshape(12, 20) + step
    if step:
        base[3, 4] -= 5
    return {
        "whole": base,
        "row": base[3],
        "column": base[:, 4],
        "block": base[2:9:2, 1:15:3],
        "transposed": base.t(),
        "expanded": base[0, :1].expand(1000, 1000),
        "scalar": base[5, 5],
        "empty": base[:0],
        "tied": base,
        # The same numbers in another order in memory: nothing changed.
        "permuted": torch.arange(60.0).reshape(3, 4, 5).permute(2, 0, 1)
        if step
        else torch.arange(60.0).reshape(3, 4, 5).permute(2, 0, 1).contiguous(),
    }


def kinds(step):
    torch.manual_seed(3)
    floats = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    bytes_ = (torch.float8_e4m3fn, torch.float8_e5m2)
    integers = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
    found = {}
    for kind in (*floats, *bytes_):
        values = torch.randn(5, 7)
        found[str(kind).removeprefix("torch.")] = (values + step * 0.5).to(kind)
    for kind in integers:
        values = torch.randint(0, 100, (5, 7), dtype=kind)
        found[str(kind).removeprefix("torch.")] = values + step
    found["bool"] = torch.tensor([True, False, bool(step)])
    found["complex64"] = torch.tensor([1 + 2j, 3 - step * 1j])
    found["uint16"] = torch.tensor([1, 65535 - step], dtype=torch.int32).to(torch.uint16)
    found["int64-large"] = torch.tensor([2**62 + step, -(2**63)])
    return found


def others(step):
    """Return tensors that are more than elements in a row."""
    values = torch.arange(12.0).reshape(3, 4) + step
    return {
        "quantized": torch.quantize_per_tensor(values, 0.5, 1, torch.qint8),
        "channels": torch.quantize_per_channel(
            values, torch.tensor([0.5, 1, 2]), torch.zeros(3), 0, torch.quint8
        ),
        "sparse": (values * (values > 5)).to_sparse(),
        "rows": (values * (values > 5)).to_sparse_csr(),
        "size": values.shape,
        "generator": torch.Generator().manual_seed(step).get_state(),
    }


def write():
    for step in (0, 1):
        number = step + 1
        torch.save(state(step), HERE / f"state-{number}.pt")
        torch.save(checkpoint(step), HERE / f"checkpoint-{number}.pt")
        torch.save(views(step), HERE / f"views-{number}.pt")
        torch.save(kinds(step), HERE / f"kinds-{number}.pt")
        torch.save(others(step), HERE / f"others-{number}.pt")
        half = {name: tensor.to(torch.bfloat16) for name, tensor in state(step).items()}
        torch.save(half, HERE / f"bf16-{number}.pt")
        metadata = {"format": "pt", "step": str(step)}
        save_file(state(step), HERE / f"state-{number}.safetensors", metadata)
        save_file(half, HERE / f"bf16-{number}.safetensors", metadata)
        torch.manual_seed(4 + step)
        torch.save(network(), HERE / f"module-{number}.pt")
    torch.save(state(0), HERE / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(state(0), HERE / "protocol-4.pt", pickle_protocol=4)
    torch.jit.save(torch.jit.script(network()), str(HERE / "script.pt"))


def flat(value, name=""):
    """Yield the tensors in what was loaded, by dotted name."""
    if isinstance(value, torch.Tensor):
        yield name, value.detach()
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, nn.Module):
        yield from flat(dict(value.state_dict()), name)


def described(tensor):
    data = tensor.contiguous().view(-1)
    raw = data.view(torch.uint8).numpy().tobytes() if data.numel() else b""
    return {
        "dtype": str(tensor.dtype).removeprefix("torch."),
        "shape": list(tensor.shape),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }


def measured(one, other):
    """Return what PyTorch computes of how much a tensor changed."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return None
    if one.dtype == torch.int64 and one.numel() == 2:
        # PyTorch would go by way of floats, or overflow.
        pairs = list(zip(one.tolist(), other.tolist(), strict=True))
        return {"same": False, "largest": float(max(abs(a - b) for a, b in pairs))}
    a, b = (t.contiguous().view(-1).to(torch.float64) for t in (one, other))
    good = torch.isfinite(a) & torch.isfinite(b)
    a, b = a[good], b[good]
    norm = a.norm().item()
    return {
        "same": described(one) == described(other),
        "relative": (a - b).norm().item() / norm if norm else None,
        "largest": (a - b).abs().max().item() if a.numel() else 0.0,
        "left_out": int((~good).sum()),
    }


def load(path):
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, weights_only=False)


def expect():
    paths = sorted((*HERE.glob("*.pt"), *HERE.glob("*.safetensors")))
    found = {
        path.name: dict(flat(load(path)))
        for path in paths
        if path.stem not in ("legacy", "script", "others-1", "others-2")
    }
    pairs = {}
    for one in found:
        other = one.replace("-1.", "-2.")
        if other != one:
            both = found[one].keys() & found[other].keys()
            pairs[one] = {
                name: measured(found[one][name], found[other][name])
                for name in sorted(both)
                if not found[one][name].is_complex()
            }
    tensors = {
        path: {name: described(tensor) for name, tensor in inside.items()}
        for path, inside in found.items()
    }
    text = json.dumps({"tensors": tensors, "changes": pairs}, indent=1, sort_keys=True)
    (HERE / "expected.json").write_text(text + "\n")


if __name__ == "__main__":
    write()
    expect()
