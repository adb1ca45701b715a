"""superpose: does superposition explain why wider models are better?"""
from ._native import __version__

__all__ = ["__version__"]
