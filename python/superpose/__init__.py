# SPDX-License-Identifier: Apache-2.0
"""superpose: does superposition explain why wider models are better?

Train toy models, measure checkpoints, fit and forecast losses, from NumPy arrays, at the speed of the program.

    superpose.toy(dim=50, decay=-1)                     one toy model         -> ToyResult
    superpose.sweep({"dim": [10, 20, 50]})              many, into a store    -> Runs
    superpose.inspect("path/to/model")                  a head's geometry     -> Geometry   (also arrays, torch modules)
    superpose.fit(table, "width", group="family")       a law, with intervals -> Fit
    superpose.forecast(fit, m=8192)                     or a refusal          -> Forecast
    superpose.open_store("runs.sqlite").runs()          as a DataFrame
    superpose.report("runs.sqlite")                     the page              -> Report
    superpose.study("quick")                            all of it             -> Study

Results have .plot() (matplotlib), .to_dict() (the JSON of the command line), and show themselves in notebooks.
docs/python.md is the guide; what goes wrong is a superpose.Error with a .kind.
"""
from ._native import __version__
from . import draw, measure
from ._fit import Fit, Forecast, Parameter, fit, forecast, laws
from ._inspect import Comparison, Geometry, Matrix, compare, geometry, inspect
from ._report import Report, Server, report, serve
from ._store import Run, Runs, Store, open_store, read_results
from ._sweep import Study, study, sweep
from ._tables import published_tables, read_table
from ._toy import ToyResult, ToySession, toy
from .error import Error

__all__ = [
    "Comparison", "Error", "Fit", "Forecast", "Geometry", "Matrix", "Parameter", "Report", "Run", "Runs", "Server", "Store",
    "Study", "ToyResult", "ToySession", "__version__", "compare", "draw", "fit", "forecast", "geometry", "inspect", "laws", "measure",
    "open_store", "published_tables", "read_results", "read_table", "report", "serve", "study", "sweep", "toy",
]
