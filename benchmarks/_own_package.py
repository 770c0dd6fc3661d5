"""Imported first by a benchmark that is named like the package it measures: lets the package be found before it."""

from __future__ import annotations

import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:] = [str(_HERE.parent), *(path for path in sys.path if path != str(_HERE)), str(_HERE)]
