"""Forecasts of one series with an honest interval: candidates.py, forecast.py, limits.py, grid.py are pure."""
