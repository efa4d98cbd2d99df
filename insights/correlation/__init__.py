"""Correlation of two series, lagged: lagged.py is pure, service.py reads."""
