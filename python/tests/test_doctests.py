# SPDX-License-Identifier: Apache-2.0
"""Every example in a docstring runs, every public thing has a docstring, and the stub says what is compiled."""
import ast
import doctest
import importlib
import inspect
import pkgutil

import pytest

import superpose
from conftest import ROOT
from superpose import _native

MODULES = sorted(m.name for m in pkgutil.iter_modules(superpose.__path__) if m.name not in ("__main__", "_native"))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(f"superpose.{name}")
    failed, _ = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


@pytest.mark.parametrize("name", [n for n in superpose.__all__ if n not in ("__version__", "measure")])
def test_public_things_are_described(name):
    thing = getattr(superpose, name)
    assert thing.__doc__ and thing.__doc__.strip()
    if inspect.isfunction(thing):
        assert ">>>" in thing.__doc__, name
    if inspect.isclass(thing):
        for attribute, value in vars(thing).items():
            if not attribute.startswith("_") and inspect.isfunction(value):
                assert value.__doc__, f"{name}.{attribute}"


def test_the_stub_is_the_module():
    tree = ast.parse((ROOT / "python/superpose/_native.pyi").read_text())
    said = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    there = {name for name in vars(_native) if not name.startswith("_")}
    assert set(said) == there
    for name, node in said.items():
        if isinstance(node, ast.ClassDef):
            methods = {n.name for n in node.body if isinstance(n, ast.FunctionDef) and n.name != "__init__"}
            assert methods == {m for m in vars(getattr(_native, name)) if not m.startswith("_")}, name
        else:
            arguments = [a.arg for a in node.args.args]
            signature = getattr(_native, name).__doc__.splitlines()[0]
            assert all(f"{a}: " in signature for a in arguments) and signature.count(": ") == len(arguments), signature
