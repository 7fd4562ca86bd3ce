"""The pieces of `registry bench` that open folders: filling a log, appends, raw rates."""

from registry.application.benchmark.appends import AppendFigures, measure_appends
from registry.application.benchmark.filling import EVENTS_PER_CASE, FilledLog, fill_log
from registry.application.benchmark.raw_rates import RawVerification, measure_fsyncs

__all__ = [
    "EVENTS_PER_CASE",
    "AppendFigures",
    "FilledLog",
    "RawVerification",
    "fill_log",
    "measure_appends",
    "measure_fsyncs",
]
