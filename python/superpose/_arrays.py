# SPDX-License-Identifier: Apache-2.0
"""What comes in as an array: NumPy's, or anything that shows its memory (buffer protocol, DLPack). Nothing is copied."""
from __future__ import annotations

import array
import sys
from typing import Any, Dict, List, Mapping, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from .error import Error, usage

Numbers = NDArray[Any]
#: What safetensors calls NumPy's dtypes.
_NAMES = {"float64": "F64", "float32": "F32", "float16": "F16"}
#: (name, dtype as safetensors calls it, shape, memory in C order)
Named = Tuple[str, str, Tuple[int, ...], Any]


def _is_torch(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_array(value: Any) -> bool:
    """Is this something that shows numbers in memory?"""
    return isinstance(value, np.ndarray) or _is_torch(value) or hasattr(value, "__dlpack__") or hasattr(
        value, "__array_interface__") or isinstance(value, (memoryview, array.array)) or hasattr(value, "iloc")


def to_numpy(value: Any, name: str) -> Numbers:
    """A view of the caller's memory. Error(usage) where there is none to look at (a tensor on a GPU, say)."""
    if isinstance(value, np.ma.MaskedArray) and bool(np.any(value.mask)):
        raise usage(f"{name}: a masked array with masked entries; fill them or leave their rows out first")
    if isinstance(value, np.ndarray):
        return value
    if _is_torch(value):
        tensor = value.detach()
        if tensor.device.type != "cpu":
            raise usage(f"{name}: a tensor on {tensor.device}; {name}.cpu() copies it to where it can be read")
        try:
            return np.asarray(tensor.numpy())
        except (RuntimeError, TypeError) as error:  # sparse, quantised, with a sign or a conjugation still to be done
            raise usage(f"{name}: its memory cannot be looked at: {str(error).splitlines()[0]}") from None
    if hasattr(value, "iloc") and hasattr(value, "to_numpy"):
        raise usage(f"{name}: a DataFrame; {name}.to_numpy() is the matrix in it")
    if hasattr(value, "__dlpack__") and hasattr(np, "from_dlpack"):
        try:
            return np.asarray(np.from_dlpack(value))
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            raise usage(f"{name}: its memory cannot be looked at: {error}") from None
    try:
        return np.asarray(value)
    except Exception as error:  # whatever an object's own __array__ raises
        raise usage(f"{name}: expected an array, got {type(value).__name__}: {error}") from None


def _checked(array: Numbers, name: str) -> Numbers:
    if array.dtype.name not in _NAMES:
        way_out = f"; {name}.astype(numpy.float32) makes a copy that is" if array.dtype.kind in "iub" else ""
        raise usage(f"{name}: dtype {array.dtype}, expected float32 or float64{way_out}")
    if not array.dtype.isnative:
        raise usage(f"{name}: dtype {array.dtype} is in foreign byte order; {name}.astype(numpy.{array.dtype.name}) makes a copy that is not")
    if not array.flags.c_contiguous:
        order = "in Fortran order" if array.flags.f_contiguous else "not contiguous"
        raise usage(f"{name}: {order}, expected C order (rows one after the other); numpy.ascontiguousarray({name}) makes a copy that is")
    return array


def matrix(value: Any, name: str = "W") -> Numbers:
    """[n, m] float32 or float64 in C order, a view of the caller's memory. Error(usage) says what is wrong and what helps."""
    if isinstance(value, (list, tuple)):  # small matrices typed by hand
        try:
            value = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise usage(f"{name}: not a matrix of numbers: {error}") from None
    array = to_numpy(value, name)
    if array.ndim != 2:
        raise usage(f"{name}: shape {array.shape}, expected 2 dimensions [n, m], one row per feature or token")
    return _checked(array, name)


def wide_matrix(value: Any, name: str = "W") -> Numbers:
    """matrix(), float16 widened to float32: where the compiled half computes on the memory itself."""
    array = matrix(value, name)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def vector(value: Any, name: str) -> Numbers:
    """[n] float64; converted if it has to be, since vectors are short."""
    try:
        masked = isinstance(value, np.ma.MaskedArray)
        numbers = np.asarray(to_numpy(value, name) if masked or _is_torch(value) else value, dtype=np.float64)
    except Error:
        raise
    except Exception as error:
        raise usage(f"{name}: expected numbers: {error}") from None
    if numbers.ndim != 1:
        raise usage(f"{name}: shape {numbers.shape}, expected one dimension")
    return np.ascontiguousarray(numbers)


def named(name: str, value: Any) -> Optional[Named]:
    """A tensor for the reader of checkpoints; None for what holds no weights (integers, truth values, complex numbers)."""
    if _is_torch(value):
        torch = sys.modules["torch"]
        if value.dtype == torch.bfloat16:
            tensor = value.detach()
            if tensor.device.type != "cpu":
                raise usage(f"{name}: a tensor on {tensor.device}; .cpu() copies it to where it can be read")
            if not tensor.is_contiguous():
                raise usage(f"{name}: not contiguous; .contiguous() makes a copy that is")
            return (name, "BF16", tuple(tensor.shape), tensor.view(torch.int16).numpy())
        if not value.dtype.is_floating_point:
            return None
    array = to_numpy(value, name)
    if array.dtype.kind in "iubc":
        return None
    _checked(array, name)
    return (name, _NAMES[array.dtype.name], array.shape, array)


def state_arrays(state: Mapping[str, Any], module: bool = False) -> List[Named]:
    """The weights of a state dict. Tensors that share their memory (tied weights) appear under each of their names. What is
    no matrix and cannot be read as it lies is left out; so is what is no array, of a module: it may keep anything there."""
    out: Dict[str, Named] = {}
    for name, value in state.items():
        if not isinstance(name, str):
            raise usage(f"state dict: the key {name!r} is no text")
        if not is_array(value):
            if module:
                continue
            raise usage(f"state dict: {name} is a {type(value).__name__}, expected an array")
        try:
            tensor = named(name, value)
        except Error:
            if len(getattr(value, "shape", ())) == 2:
                raise
            continue
        if tensor is not None:
            out[name] = tensor
    if not out:
        raise Error("unsupported", "state dict: no array of floating-point numbers in it")
    return list(out.values())


def from_native(value: Any) -> Numbers:
    """The compiled half's numbers as an array that views them."""
    return np.asarray(value)
